// SPDX-License-Identifier: Apache-2.0
/// @file
/// The range of activations during training: a moving average of each batch's extremes, frozen after some steps so that
/// the last part of training sees the parameters that inference will have (Jacob et al. 2018, section 3.1).
#pragma once

#include <lowbit/calibrate/observers.hpp>
#include <lowbit/schemes/affine.hpp>

#include <cstddef>
#include <limits>

namespace lowbit {

/// Observes until it is frozen.
class training_observer {
public:
    /// rate: weight of the newest batch. freeze_after: steps that it learns from.
    explicit training_observer(float rate = 0.01f,
                               std::ptrdiff_t freeze_after = std::numeric_limits<std::ptrdiff_t>::max())
        : average_(rate), freeze_after_(freeze_after) {
        check(freeze_after > 0, "training_observer: frozen after ", freeze_after, " steps, before it has seen any");
    }

    /// One training step's batch; ignored when frozen. Errors: an empty batch; NaN or infinity, with its index.
    template <class X>
    void observe(const X& batch) {
        if (frozen()) return;
        average_.observe(batch);
        ++steps_;
    }

    /// Learns nothing from now on.
    void freeze() { freeze_after_ = steps_; }
    bool frozen() const { return steps_ >= freeze_after_; }

    /// The averaged range. Errors: nothing was observed.
    range observed() const { return average_.observed(); }
    /// S and Z for it.
    affine_params params(const affine& s) const { return choose_params(observed(), s); }

private:
    ema_observer average_;
    std::ptrdiff_t freeze_after_, steps_ = 0;
};

}  // namespace lowbit
