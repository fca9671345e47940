// SPDX-License-Identifier: Apache-2.0
/// @file
/// Training that goes on after k-means: labels stay, centroids learn (Han et al. 2016, section 3.3).
#pragma once

#include "training.hpp"

#include <lowbit/model/kmeans_model.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace examples {

enum class centroid_rule {
    gradient,  ///< a centroid's gradient is the sum of its weights' gradients
    mean,      ///< the weights take a step of their own; a centroid becomes their mean
};

struct fine_tune_options {
    centroid_rule rule = centroid_rule::gradient;
    double epochs = 1;  ///< at most
    std::ptrdiff_t batch = 64;
    float rate = 1e-3f;
    double good_enough = 100;  ///< percent of the held-out images at which training stops
    std::uint32_t seed = 1;
};

/// What is learned: the codebooks in place of the weights, and everything else as it is.
class codebook_training {
public:
    codebook_training(lowbit::graph& network, lowbit::kmeans_model& shared, const backprop& gradients,
                      centroid_rule rule)
        : network_(network), shared_(shared), rule_(rule) {
        for (const parameter& p : gradients.parameters()) {
            if (p.name.ends_with(".weights") && rule == centroid_rule::gradient) {
                const std::string layer = p.name.substr(0, p.name.size() - 8);
                const auto book = shared.centroids(layer);
                codebooks_.push_back({layer, p.gradient, {{std::ssize(book)}, book}, {}});
            } else {
                learned_.push_back({p.name, p.value, p.gradient});
            }
        }
        for (codebook& c : codebooks_) learned_.push_back({c.layer, &c.centroids, &c.gradient});
    }

    /// Takes a step with the gradients of the last backward pass.
    void step(adam& optimizer, float rate) {
        for (codebook& c : codebooks_) c.gradient = shared_.centroid_gradients(c.layer, *c.weight_gradient);
        optimizer.step(learned_, rate);
        for (const codebook& c : codebooks_)
            std::copy(c.centroids.begin(), c.centroids.end(), shared_.centroids(c.layer).begin());
        if (rule_ == centroid_rule::mean) shared_.update(network_);
        shared_.apply(network_);
    }

private:
    struct codebook {
        std::string layer;
        const lowbit::tensor<float>* weight_gradient;
        lowbit::tensor<float> centroids, gradient;
    };

    lowbit::graph& network_;
    lowbit::kmeans_model& shared_;
    centroid_rule rule_;
    std::vector<codebook> codebooks_;  // none by the rule of means
    std::vector<parameter> learned_;
};

/// Trains the codebooks, biases and batch norms of a network whose weights are `shared`'s, and both with it. Every half
/// epoch the held-out images are asked: the best state so far is kept, and training ends early where it is good enough.
/// Returns the epochs it took. `after_step(share done)` is told every step.
inline double fine_tune(lowbit::graph& network, lowbit::kmeans_model& shared, const digits& train,
                        const digits& held_out, const fine_tune_options& o, const lowbit::executor& threads,
                        const std::function<void(double)>& after_step) {
    backprop gradients(network, threads);
    codebook_training learning(network, shared, gradients, o.rule);
    batch_source source(train, o.batch, {}, o.seed);
    adam optimizer;
    const std::ptrdiff_t half = source.batches() / 2;
    const auto steps = static_cast<std::ptrdiff_t>(2 * o.epochs) * half;
    double best = -1, epochs = 0;
    auto best_state = std::pair(network, shared);
    for (std::ptrdiff_t step = 0; step < steps && best < o.good_enough; ++step) {
        const std::vector<int>& labels = source.next(gradients.input(o.batch));
        gradients.forward(pass::training);
        gradients.backward(labels);
        learning.step(optimizer, cosine_rate(o.rate, static_cast<double>(step) / static_cast<double>(steps)));
        after_step(static_cast<double>(step + 1) / static_cast<double>(steps));
        if ((step + 1) % half != 0) continue;
        epochs += 0.5;
        const double now = accuracy(gradients, held_out);
        if (now >= best) {
            best = now;
            best_state = {network, shared};
        }
    }
    network = best_state.first;
    shared = best_state.second;
    return epochs;
}

}  // namespace examples
