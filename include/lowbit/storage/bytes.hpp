// SPDX-License-Identifier: Apache-2.0
/// @file
/// Bytes of files: whole-file input and output, little-endian numbers, and a reader that cannot leave its bytes.
#pragma once

#include <lowbit/core/error.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace lowbit {

namespace detail {

struct file_closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using file_handle = std::unique_ptr<std::FILE, file_closer>;

/// The unsigned integer as wide as a number of `size` bytes.
template <std::size_t size>
using bits_of_size = std::conditional_t<
    size == 1, std::uint8_t,
    std::conditional_t<size == 2, std::uint16_t, std::conditional_t<size == 4, std::uint32_t, std::uint64_t>>>;

/// A number, or anything trivially copyable of 1, 2, 4 or 8 bytes, from bytes in the given order.
template <class T>
T load_bytes(const std::byte* bytes, std::endian order = std::endian::little) {
    bits_of_size<sizeof(T)> bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        const std::size_t shift = 8 * (order == std::endian::little ? i : sizeof(T) - 1 - i);
        bits = static_cast<bits_of_size<sizeof(T)>>(
            bits | static_cast<decltype(bits)>(bits_of_size<sizeof(T)>(bytes[i]) << shift));
    }
    return std::bit_cast<T>(bits);
}

/// The number as little-endian bytes.
template <class T>
void store_bytes(T value, std::byte* bytes) {
    const auto bits = std::bit_cast<bits_of_size<sizeof(T)>>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<std::byte>(bits >> (8 * i));
}

/// A little-endian number, at any address, as one load.
template <std::unsigned_integral T>
T load_little(const std::byte* bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof(T));
    return std::endian::native == std::endian::little ? value : load_bytes<T>(bytes);
}

/// A number as little-endian bytes, at any address, as one store.
template <std::unsigned_integral T>
void store_little(T value, std::byte* bytes) {
    if constexpr (std::endian::native == std::endian::little) {
        std::memcpy(bytes, &value, sizeof(T));
    } else {
        store_bytes(value, bytes);
    }
}

}  // namespace detail

/// The bytes of a file. Errors: it cannot be opened or read.
inline std::vector<std::byte> read_file(const std::string& path) {
    const detail::file_handle file(std::fopen(path.c_str(), "rb"));
    check(file != nullptr, path, ": cannot be opened for reading");
    // Grown by what was read, never by what the system claims: a pipe or a directory has no size.
    std::vector<std::byte> bytes(std::size_t{1} << 16);
    std::size_t filled = 0;
    while (const std::size_t got = std::fread(bytes.data() + filled, 1, bytes.size() - filled, file.get())) {
        filled += got;
        if (filled == bytes.size()) bytes.resize(2 * filled);
    }
    check(std::ferror(file.get()) == 0, path, ": reading failed after byte ", filled);
    bytes.resize(filled);
    return bytes;
}

/// Writes the bytes as a file, over what was there. Errors: it cannot be opened or written.
inline void write_file(const std::string& path, std::span<const std::byte> bytes) {
    detail::file_handle file(std::fopen(path.c_str(), "wb"));
    check(file != nullptr, path, ": cannot be opened for writing");
    const std::size_t written = bytes.empty() ? 0 : std::fwrite(bytes.data(), 1, bytes.size(), file.get());
    const bool closed = std::fclose(file.release()) == 0;
    check(written == bytes.size() && closed, path, ": writing failed after byte ", written, " of ", bytes.size());
}

/// Reads forward through bytes; every error says which file format, what was wanted, and at which offset.
class byte_reader {
public:
    /// Borrows the bytes. `format` (a literal) begins every message.
    byte_reader(std::span<const std::byte> bytes, const char* format) : bytes_(bytes), format_(format) {}

    std::size_t offset() const { return offset_; }
    std::size_t remaining() const { return bytes_.size() - offset_; }

    /// The next n bytes. Errors: fewer are left.
    std::span<const std::byte> take(std::size_t n, const char* what) {
        check(n <= remaining(), format_, ": ", what, " at byte ", offset_, " needs ", n, " bytes, but ", remaining(),
              " are left");
        offset_ += n;
        return bytes_.subspan(offset_ - n, n);
    }

    /// The next number, little-endian. Errors: too few bytes are left.
    template <class T>
    T number(const char* what) {
        return detail::load_bytes<T>(take(sizeof(T), what).data());
    }

    /// Fails with the format, the offset and the parts, unless the condition holds.
    template <class... Parts>
    void require(bool condition, const Parts&... parts) const {
        check(condition, format_, ": at byte ", offset_, ": ", parts...);
    }

private:
    std::span<const std::byte> bytes_;
    const char* format_;
    std::size_t offset_ = 0;
};

}  // namespace lowbit
