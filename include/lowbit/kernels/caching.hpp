// SPDX-License-Identifier: Apache-2.0
/// @file
/// Whether a loop's output is worth a place in the caches.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lowbit {

/// What becomes of the lines that a loop writes.
enum class caching {
    keep,    ///< ordinary stores
    bypass,  ///< non-temporal stores where the pointer allows: for output that leaves the caches before it is read;
             ///< `finish_stores` comes after the last of them
};

/// The choice for an output of so many bytes. Bypassing saves reading a line before it is overwritten, but costs two to
/// three times the time where the output would have stayed in the cache.
constexpr caching caching_for(std::ptrdiff_t bytes) { return bytes > (16 << 20) ? caching::bypass : caching::keep; }

/// Whether non-temporal stores of 64 bytes are possible there and wanted.
inline bool bypasses(caching how, const void* p) {
    return how == caching::bypass && reinterpret_cast<std::uintptr_t>(p) % 64 == 0;
}

/// Makes what was written past the caches visible to other threads, as ordinary stores are. About 100 ns, so once a
/// task, not once a call.
inline void finish_stores(caching how) {
#if defined(__x86_64__)
    if (how == caching::bypass) __asm__ volatile("sfence" ::: "memory");
#else
    static_cast<void>(how);
#endif
}

}  // namespace lowbit
