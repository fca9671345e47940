// SPDX-License-Identifier: Apache-2.0
/// @file
/// K-means quantization of a whole network, and its fine-tuning: labels stay, centroids learn (Han et al. 2016).
///
///     kmeans_model shared(net, {.bits = 4});
///     shared.apply(net);                             // every weight becomes its centroid
///     // a training step on net, then one of
///     net.at("conv1").weights = …; shared.update(net);                       // centroids: means of updated weights
///     auto g = shared.centroid_gradients("conv1", weight_gradients);         // or a gradient for any optimizer,
///     for (…) shared.centroids("conv1")[i] -= rate * g[i];                   // which moves the centroids
///     shared.apply(net);                             // and on
#pragma once

#include <lowbit/model/graph.hpp>
#include <lowbit/schemes/kmeans.hpp>
#include <lowbit/train/kmeans.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowbit {

/// Labels and centroids of the layers of a network. A value; refers to layers by name.
class kmeans_model {
public:
    /// Every layer with weights, each with codebooks of its own. Errors: weights that are not finite.
    kmeans_model(const graph& g, const kmeans& scheme, const executor& pool = {}) {
        for (const node& n : g.nodes())
            if (n.has_weights()) add(n, scheme, pool);
    }
    /// The named layers only, each with its own bits and granularity. Errors: a name that no layer with weights has.
    kmeans_model(const graph& g, const std::map<std::string, kmeans>& schemes, const executor& pool = {}) {
        for (const auto& [name, scheme] : schemes) {
            const node& n = g.at(name);
            check(n.has_weights(), describe(n), ": has no weights to quantize");
            add(n, scheme, pool);
        }
    }

    /// Writes each weight's centroid over it. Errors: a graph without one of the layers, or of other shapes.
    void apply(graph& g) const {
        for (const auto& [name, layer] : layers_) {
            tensor<float>& weights = weights_of(g, name, layer);
            for (std::ptrdiff_t i = 0; i < weights.size(); ++i)
                weights[i] = layer.centroids[static_cast<std::size_t>(layer.labels[i])];
        }
    }

    /// Each centroid becomes the mean of the weights with its label, after training moved them one by one; `apply`
    /// then makes them equal again. Errors: as `apply`.
    void update(const graph& g) {
        for (auto& [name, layer] : layers_)
            update_centroids(weights_of(const_cast<graph&>(g), name, layer), layer.labels, layer.centroids);
    }

    /// The centroids of a layer, one codebook after the other: what an optimizer may move. Errors: no such layer.
    std::span<float> centroids(std::string_view name) { return at(name).centroids; }
    std::span<const float> centroids(std::string_view name) const { return at(name).centroids; }

    /// dL/dC of a layer's centroids, in their order, from dL/dW. Errors: no such layer; another number of gradients.
    template <class Gradients>
    tensor<float> centroid_gradients(std::string_view name, const Gradients& weight_gradients) const {
        const shared_layer& layer = at(name);
        return lowbit::centroid_gradients(weight_gradients, layer.labels, std::ssize(layer.centroids));
    }

    /// A layer as it is stored: packed labels and codebooks. Errors: no such layer.
    kmeans_tensor quantized(std::string_view name) const {
        const shared_layer& layer = at(name);
        const partition sets(layer.labels.shape(), layer.scheme.granularity);
        packed_codes labels(layer.labels.size(), layer.scheme.bits, false);
        std::vector<std::int32_t> codes(layer.labels.begin(), layer.labels.end());
        for (std::ptrdiff_t i = 0; i < layer.labels.size(); ++i)
            codes[static_cast<std::size_t>(i)] -=
                static_cast<std::int32_t>(layer.first[static_cast<std::size_t>(sets.set_of(i))]);
        labels.pack(0, layer.labels.size(), codes.data());
        std::vector<codebook> books;
        for (std::size_t set = 0; set + 1 < layer.first.size(); ++set)
            books.push_back(
                {{layer.centroids.begin() + layer.first[set], layer.centroids.begin() + layer.first[set + 1]}});
        return {layer.scheme, layer.labels.shape(), std::move(labels), std::move(books)};
    }

    /// The names of its layers, in alphabetical order.
    std::vector<std::string> layers() const {
        std::vector<std::string> names;
        for (const auto& entry : layers_) names.push_back(entry.first);
        return names;
    }

    /// Bytes of all labels and codebooks as stored.
    std::ptrdiff_t bytes() const {
        std::ptrdiff_t total = 0;
        for (const auto& entry : layers_) total += quantized(entry.first).bytes();
        return total;
    }

private:
    struct shared_layer {
        kmeans scheme{};
        tensor<std::int32_t> labels{};         // of each weight, into centroids
        std::vector<float> centroids{};        // of all codebooks
        std::vector<std::ptrdiff_t> first{0};  // centroid of each codebook, and the end
    };

    void add(const node& n, const kmeans& scheme, const executor& pool) {
        const kmeans_tensor q = quantize(n.weights, scheme, pool);
        shared_layer layer{.scheme = scheme, .labels = q.codes()};
        for (const codebook& book : q.codebooks()) {
            layer.centroids.insert(layer.centroids.end(), book.centroids.begin(), book.centroids.end());
            layer.first.push_back(std::ssize(layer.centroids));
        }
        const partition sets(q.shape(), scheme.granularity);
        for (std::ptrdiff_t i = 0; i < layer.labels.size(); ++i)
            layer.labels[i] += static_cast<std::int32_t>(layer.first[static_cast<std::size_t>(sets.set_of(i))]);
        layers_.emplace(n.name, std::move(layer));
    }

    const shared_layer& at(std::string_view name) const {
        const auto found = layers_.find(std::string(name));
        check(found != layers_.end(), "kmeans_model: no layer '", name, "'");
        return found->second;
    }
    shared_layer& at(std::string_view name) { return const_cast<shared_layer&>(std::as_const(*this).at(name)); }

    static tensor<float>& weights_of(graph& g, const std::string& name, const shared_layer& layer) {
        node& n = g.at(name);
        check(n.weights.shape() == layer.labels.shape(), describe(n), ": weights ", to_string(n.weights.shape()),
              " where ", to_string(layer.labels.shape()), " were quantized");
        return n.weights;
    }

    std::map<std::string, shared_layer> layers_;
};

}  // namespace lowbit
