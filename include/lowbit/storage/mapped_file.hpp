// SPDX-License-Identifier: Apache-2.0
/// @file
/// A file as memory, read page by page when it is touched: for archives larger than what is used of them. Where the
/// system has no mmap, the file is read.
#pragma once

#include <lowbit/storage/bytes.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#if __has_include(<sys/mman.h>)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace lowbit {

/// A whole file, mapped read-only. Movable; unmapped at the end of its life.
class mapped_file {
public:
    /// Errors: it cannot be opened or mapped.
    explicit mapped_file(const std::string& path) {
#if __has_include(<sys/mman.h>)
        const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        check(file >= 0, path, ": cannot be opened for reading");
        struct stat about {};
        const bool known = ::fstat(file, &about) == 0 && S_ISREG(about.st_mode);
        const auto size = known ? static_cast<std::size_t>(about.st_size) : 0;
        void* const memory = size > 0 ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0) : nullptr;
        ::close(file);
        check(known && memory != MAP_FAILED, path, ": cannot be mapped: not a regular file, or no memory");
        bytes_ = {static_cast<const std::byte*>(memory), size};
#else
        copy_ = read_file(path);
        bytes_ = copy_;
#endif
    }
    mapped_file(mapped_file&& other) noexcept
        : copy_(std::move(other.copy_)), bytes_(std::exchange(other.bytes_, {})) {}
    mapped_file& operator=(mapped_file&& other) noexcept {
        std::swap(copy_, other.copy_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    mapped_file(const mapped_file&) = delete;
    mapped_file& operator=(const mapped_file&) = delete;
    ~mapped_file() {
#if __has_include(<sys/mman.h>)
        if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
#endif
    }

    std::span<const std::byte> bytes() const { return bytes_; }

private:
    std::vector<std::byte> copy_;  // empty where the file is mapped
    std::span<const std::byte> bytes_;
};

}  // namespace lowbit
