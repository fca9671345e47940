// SPDX-License-Identifier: Apache-2.0
/// @file
/// Packed codes as a value: what every quantized tensor keeps its codes in.
#pragma once

#include <lowbit/core/tensor.hpp>
#include <lowbit/kernels/pack.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace lowbit {

/// `size` integers of `bits` bits each (layout: formats/packed.hpp). Copyable, comparable.
class packed_codes {
public:
    packed_codes() = default;
    /// Zeros. bits in 1 … 16.
    packed_codes(std::ptrdiff_t size, int bits, bool is_signed)
        : size_(size), bits_(bits), is_signed_(is_signed), bytes_(static_cast<std::size_t>(packed_bytes(size, bits))) {
        LOWBIT_ASSERT(bits >= 1 && bits <= 16 && size >= 0);
    }

    std::ptrdiff_t size() const { return size_; }
    int bits() const { return bits_; }
    bool is_signed() const { return is_signed_; }
    std::span<const std::uint8_t> bytes() const { return bytes_; }
    std::span<std::uint8_t> bytes() { return bytes_; }

    std::int32_t operator[](std::ptrdiff_t i) const {
        return is_signed_ ? packed_code<std::int32_t>(bytes_.data(), i, bits_)
                          : static_cast<std::int32_t>(packed_code<std::uint32_t>(bytes_.data(), i, bits_));
    }

    /// Stores codes [first, first + n); first·bits must be a multiple of 8, and so must n·bits unless it is the end.
    template <class Code>
    void pack(std::ptrdiff_t first, std::ptrdiff_t n, const Code* codes) {
        LOWBIT_ASSERT(first * bits_ % 8 == 0);
        lowbit::pack(codes, n, bits_, bytes_.data() + first * bits_ / 8);
    }

    /// Loads codes [first, first + n); first·bits must be a multiple of 8.
    template <class Code>
    void unpack(std::ptrdiff_t first, std::ptrdiff_t n, Code* codes) const {
        LOWBIT_ASSERT(first * bits_ % 8 == 0);
        const std::uint8_t* from = bytes_.data() + first * bits_ / 8;
        if (is_signed_) {
            lowbit::unpack(from, n, bits_, codes);
        } else {
            lowbit::unpack(from, n, bits_, reinterpret_cast<std::make_unsigned_t<Code>*>(codes));
        }
    }

    /// All codes under a shape of as many elements.
    tensor<std::int32_t> unpack(const tensor_shape& shape) const {
        LOWBIT_ASSERT(shape.size() == size_);
        tensor<std::int32_t> codes(shape);
        unpack(0, size_, codes.data());
        return codes;
    }

    bool operator==(const packed_codes&) const = default;

private:
    std::ptrdiff_t size_ = 0;
    int bits_ = 8;
    bool is_signed_ = false;
    aligned_vector<std::uint8_t> bytes_;
};

}  // namespace lowbit
