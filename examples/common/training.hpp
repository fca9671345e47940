// SPDX-License-Identifier: Apache-2.0
/// @file
/// The training loop over the digits, and what a network answers to them.
#pragma once

#include "backprop.hpp"
#include "digits.hpp"
#include "optimizers.hpp"
#include "random.hpp"

#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

namespace examples {

/// How far the training images are varied, each way.
struct variation {
    double shift = 2;     ///< pixels
    double degrees = 10;  ///< turned
    double scale = 0.1;   ///< of the size
    double slant = 0.15;  ///< sideways, of the height
};

/// Feeds shuffled batches of the digits, each image varied a little.
class batch_source {
public:
    batch_source(const digits& data, std::ptrdiff_t batch, const variation& v, std::uint32_t seed)
        : data_(data), batch_(batch), v_(v), random_(seed) {}

    /// Full batches in an epoch.
    std::ptrdiff_t batches() const { return data_.size() / batch_; }

    /// Fills the next batch of images and returns their labels; shuffles anew where an epoch begins.
    const std::vector<int>& next(tensor<float>& images) {
        if (at_ + batch_ > static_cast<std::ptrdiff_t>(order_.size())) {
            order_ = random_.permutation(data_.size());
            at_ = 0;
        }
        labels_.clear();
        for (std::ptrdiff_t i = 0; i < batch_; ++i, ++at_) {
            const std::ptrdiff_t image = order_[static_cast<std::size_t>(at_)];
            copy_varied(data_.images.data() + image * digits::pixels, images.data() + i * digits::pixels);
            labels_.push_back(data_.labels[static_cast<std::size_t>(image)]);
        }
        return labels_;
    }

    std::ptrdiff_t batch() const { return batch_; }

private:
    /// The image as another hand might have written it; what lies between pixels is interpolated.
    void copy_varied(const std::uint8_t* from, float* to) {
        const auto within = [&](double most) { return most * (2 * random_.uniform() - 1); };
        const double angle = within(v_.degrees) * std::numbers::pi / 180, size = 1 + within(v_.scale),
                     slant = within(v_.slant);
        const double down = within(v_.shift), right = within(v_.shift), middle = (digits::side - 1) / 2.0;
        const double cosine = std::cos(angle) / size, sine = std::sin(angle) / size;
        const auto pixel = [&](std::ptrdiff_t y, std::ptrdiff_t x) {
            const bool inside = y >= 0 && y < digits::side && x >= 0 && x < digits::side;
            return inside ? static_cast<double>(from[y * digits::side + x]) / 255 : 0.0;
        };
        for (std::ptrdiff_t y = 0; y < digits::side; ++y)
            for (std::ptrdiff_t x = 0; x < digits::side; ++x) {
                const double dy = static_cast<double>(y) - middle - down,
                             dx = static_cast<double>(x) - middle - right + slant * dy;
                const double v = middle + cosine * dy - sine * dx, u = middle + sine * dy + cosine * dx;
                const double top = std::floor(v), left = std::floor(u), below = v - top, beside = u - left;
                const auto row = static_cast<std::ptrdiff_t>(top), column = static_cast<std::ptrdiff_t>(left);
                *to++ = static_cast<float>(
                    (1 - below) * ((1 - beside) * pixel(row, column) + beside * pixel(row, column + 1)) +
                    below * ((1 - beside) * pixel(row + 1, column) + beside * pixel(row + 1, column + 1)));
            }
    }

    const digits& data_;
    std::ptrdiff_t batch_, at_ = 0;
    variation v_;
    random_source random_;
    std::vector<std::ptrdiff_t> order_;
    std::vector<int> labels_;
};

/// The class with the highest of the scores [n, classes], for each row.
inline std::vector<int> predictions(tensor_view<const float> scores) {
    const auto rows = lowbit::as_matrix(scores);
    std::vector<int> answers;
    for (Eigen::Index i = 0; i < rows.rows(); ++i) {
        Eigen::Index best = 0;
        rows.row(i).maxCoeff(&best);
        answers.push_back(static_cast<int>(best));
    }
    return answers;
}

/// The class each image is taken for.
inline std::vector<int> predictions(backprop& network, const digits& data) {
    constexpr std::ptrdiff_t batch = 250;
    std::vector<int> answers;
    for (std::ptrdiff_t first = 0; first < data.size(); first += batch) {
        const std::ptrdiff_t last = std::min(first + batch, data.size());
        to_float(data, first, last, network.input(last - first).data());
        const std::vector<int> of_batch = predictions(network.forward(pass::inference));
        answers.insert(answers.end(), of_batch.begin(), of_batch.end());
    }
    return answers;
}

/// Percent of the labels that the answers hit.
inline double accuracy(std::span<const int> answers, std::span<const int> labels) {
    lowbit::check(answers.size() == labels.size() && !labels.empty(), "accuracy: ", answers.size(), " answers to ",
                  labels.size(), " labels");
    std::size_t right = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) right += answers[i] == labels[i];
    return 100.0 * static_cast<double>(right) / static_cast<double>(labels.size());
}

inline double accuracy(backprop& network, const digits& data) {
    return accuracy(predictions(network, data), data.labels);
}

struct training_options {
    int epochs = 20;
    std::ptrdiff_t batch = 64;
    float rate = 2e-3f;   ///< Adam's, at its highest; a cosine takes it to 0
    float decay = 1e-2f;  ///< of the weights, decoupled
    variation vary{};
    std::uint32_t seed = 1;
};

/// Trains with Adam. `after_step(step, steps, loss)` is told every step.
inline void train(backprop& network, const digits& data, const training_options& o,
                  const std::function<void(std::ptrdiff_t, std::ptrdiff_t, double)>& after_step) {
    batch_source source(data, o.batch, o.vary, o.seed);
    adam optimizer(o.decay);
    const std::ptrdiff_t steps = source.batches() * o.epochs;
    for (std::ptrdiff_t step = 0; step < steps; ++step) {
        const std::vector<int>& labels = source.next(network.input(o.batch));
        network.forward(pass::training);
        const double loss = network.backward(labels);
        const double progress = static_cast<double>(step) / static_cast<double>(steps);
        optimizer.step(network.parameters(), cosine_rate(o.rate, progress, 0.05));
        after_step(step + 1, steps, loss);
    }
}

}  // namespace examples
