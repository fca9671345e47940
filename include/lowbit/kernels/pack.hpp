// SPDX-License-Identifier: Apache-2.0
/// @file
/// Codes of one byte each to and from a packed stream (layout and normative code: formats/packed.hpp), at the speed of
/// the cache.
#pragma once

#include <lowbit/core/cpu.hpp>
#include <lowbit/formats/packed.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__x86_64__)
#include <lowbit/kernels/isa/pack_avx2.inl>
#include <lowbit/kernels/isa/pack_avx512.inl>
#endif

namespace lowbit {

/// Packs n codes; writes exactly packed_bytes(n, bits) bytes. bits in 1 … 16. Fast where Code is one byte and bits in
/// 2 … 8. Complexity O(n).
template <std::integral Code>
void pack(const Code* codes, std::ptrdiff_t n, int bits, std::uint8_t* bytes) {
    if constexpr (sizeof(Code) == 1) {
        if (bits == 8) {
            if (n > 0) std::memcpy(bytes, codes, static_cast<std::size_t>(n));
            return;
        }
#if defined(__x86_64__)
        if (bits >= 2 && includes(active_isa(), isa::avx2)) {
            const auto* from = reinterpret_cast<const std::uint8_t*>(codes);
            const std::ptrdiff_t done = includes(active_isa(), isa::avx512)
                                            ? detail::lanes_avx512::pack_bytes(from, n, bits, bytes)
                                            : detail::lanes_avx2::pack_bytes(from, n, bits, bytes);
            return pack_codes(codes + done, n - done, bits, bytes + done / 8 * bits);
        }
#endif
    }
    pack_codes(codes, n, bits, bytes);
}

/// Unpacks n codes, sign-extended where Code is signed; reads exactly packed_bytes(n, bits) bytes. As above.
template <std::integral Code>
void unpack(const std::uint8_t* bytes, std::ptrdiff_t n, int bits, Code* codes) {
    if constexpr (sizeof(Code) == 1) {
        if (bits == 8) {
            if (n > 0) std::memcpy(codes, bytes, static_cast<std::size_t>(n));
            return;
        }
#if defined(__x86_64__)
        if (bits >= 2 && includes(active_isa(), isa::avx2)) {
            return includes(active_isa(), isa::avx512) ? detail::lanes_avx512::unpack_bytes(bytes, n, bits, codes)
                                                       : detail::lanes_avx2::unpack_bytes(bytes, n, bits, codes);
        }
#endif
    }
    unpack_codes(bytes, n, bits, codes);
}

}  // namespace lowbit
