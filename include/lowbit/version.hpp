// SPDX-License-Identifier: Apache-2.0
/// @file
/// The version, in one place: CMake reads these three lines back.
#pragma once

#define LOWBIT_VERSION_MAJOR 0
#define LOWBIT_VERSION_MINOR 1
#define LOWBIT_VERSION_PATCH 0
