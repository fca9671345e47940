// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the examples that quantize work with.
#pragma once

#include "digits.hpp"
#include "training.hpp"

#include <lowbit/core/pools.hpp>

#include <vector>

namespace examples {

/// The digits, what calibration sees of them, and the threads that all work is shared by.
struct setting {
    digit_parts data{LOWBIT_EXAMPLE_DATA "/digits"};
    tensor<float> test = to_float(data.test);
    std::vector<tensor<float>> calibration{to_float(slice(data.train, 0, 512))};
    lowbit::thread_pool pool{};
    lowbit::executor threads{pool};

    /// Percent of the test images that these scores [n, classes] name rightly.
    double accuracy(tensor_view<const float> scores) const {
        return examples::accuracy(predictions(scores), data.test.labels);
    }
};

}  // namespace examples
