// SPDX-License-Identifier: Apache-2.0
#include "digest.hpp"

int main() { std::fputs(consumer::digest_of_everything().c_str(), stdout); }
