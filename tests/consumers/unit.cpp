// SPDX-License-Identifier: Apache-2.0
// One of two translation units with different flags; UNIT names its function.
#include "digest.hpp"

std::string UNIT();
std::string UNIT() { return consumer::digest_of_everything(); }
