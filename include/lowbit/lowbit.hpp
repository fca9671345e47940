// SPDX-License-Identifier: Apache-2.0
/// @file
/// All of lowbit. Each header also stands alone.
/// (Written by cmake/umbrella.cmake, which a test repeats: a header that is missing here fails it.)
#pragma once

#include <lowbit/core/config.hpp>
#include <lowbit/core/cpu.hpp>
#include <lowbit/core/eigen.hpp>
#include <lowbit/core/error.hpp>
#include <lowbit/core/executor.hpp>
#include <lowbit/core/metrics.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/core/source.hpp>
#include <lowbit/core/tensor.hpp>

#include <lowbit/formats/e8m0.hpp>
#include <lowbit/formats/minifloat.hpp>

#include <lowbit/calibrate/observers.hpp>
#include <lowbit/calibrate/range.hpp>

#include <lowbit/storage/bytes.hpp>
#include <lowbit/storage/npy.hpp>

#include <lowbit/model/graph.hpp>

#include <lowbit/version.hpp>
