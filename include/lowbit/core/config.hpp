// SPDX-License-Identifier: Apache-2.0
/// @file
/// Every macro of the library, all with the prefix LOWBIT_. Other headers define none.
#pragma once

/// 1 where the compiler builds with exceptions; 0 under -fno-exceptions.
#if defined(__cpp_exceptions)
#define LOWBIT_EXCEPTIONS 1
#else
#define LOWBIT_EXCEPTIONS 0
#endif

/// Called with a message (const char*) instead of a throw where exceptions are off. A user defines it, before the
/// first include and the same in every translation unit, as a [[noreturn]] function; it may not return.
#if !LOWBIT_EXCEPTIONS && !defined(LOWBIT_ERROR_HANDLER)
#define LOWBIT_ERROR_HANDLER(message) ((void)(message), __builtin_trap())
#endif

/// An invariant of the library itself, never of the user's data: checked in debug builds only.
#if !defined(LOWBIT_ASSERT)
#if defined(NDEBUG)
#define LOWBIT_ASSERT(condition) ((void)0)
#else
#define LOWBIT_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())
#endif
#endif

/// Kernel helpers that must disappear into their caller (and take its instruction set).
#define LOWBIT_ALWAYS_INLINE inline __attribute__((always_inline))

/// What the kernels of an instruction set are compiled for, whatever the user's flags: the argument of an
/// __attribute__. core/cpu.hpp says when they may run.
#define LOWBIT_TARGET_AVX2 target("avx2,fma,f16c")
#define LOWBIT_TARGET_AVX512 target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")

/// Linkage of the integer kernels: header-only, or compiled once with the program (kernels/isa/gemm.hpp).
#if defined(LOWBIT_COMPILED)
#define LOWBIT_COMPILED_INLINE
#else
#define LOWBIT_COMPILED_INLINE inline
#endif
