// SPDX-License-Identifier: Apache-2.0
/// @file
/// Handwritten digits from IDX files (LeCun's format: two zero bytes, element type, rank, big-endian extents, bytes).
#pragma once

#include <lowbit/core/tensor.hpp>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace examples {

using lowbit::tensor;
using lowbit::tensor_shape;
using lowbit::tensor_view;

/// Images and what they show. Pixels 0 … 255, NHWC with one channel.
struct digits {
    tensor<std::uint8_t> images{};
    std::vector<int> labels{};

    std::ptrdiff_t size() const { return static_cast<std::ptrdiff_t>(labels.size()); }
    static constexpr std::ptrdiff_t side = 28, pixels = side * side, classes = 10;
};

/// An IDX file of bytes with `rank` axes. Errors: anything that is not exactly that, with the byte offset.
inline tensor<std::uint8_t> read_idx(const std::string& path, int rank) {
    std::ifstream file(path, std::ios::binary);
    lowbit::check(file.good(), path, ": cannot be opened");
    const std::vector<char> raw{std::istreambuf_iterator<char>(file), {}};
    const auto byte = [&](std::size_t i) { return static_cast<std::ptrdiff_t>(static_cast<unsigned char>(raw[i])); };
    const std::size_t header = 4 + 4 * static_cast<std::size_t>(rank);
    lowbit::check(raw.size() >= header, path, ": ", raw.size(), " bytes end inside the header of ", header);
    lowbit::check(byte(0) == 0 && byte(1) == 0 && byte(2) == 8 && byte(3) == rank, path,
                  ": offset 0 should hold 00 00 08 0", rank, " (bytes with ", rank, " axes)");
    std::vector<std::ptrdiff_t> extents;
    for (std::size_t at = 4; at < header; at += 4)
        extents.push_back(byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3));
    const tensor_shape shape(extents);
    lowbit::check(static_cast<std::size_t>(shape.size()) == raw.size() - header, path, ": ", raw.size() - header,
                  " bytes follow the header, its shape ", to_string(shape), " needs ", shape.size());
    tensor<std::uint8_t> values(shape);
    for (std::ptrdiff_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<std::uint8_t>(raw[header + static_cast<std::size_t>(i)]);
    return values;
}

/// The images and labels of one part, "train" or "test", from a folder.
inline digits load_digits(const std::string& folder, const std::string& part) {
    const std::string prefix = folder + "/mnist10k-" + part;
    tensor<std::uint8_t> images = read_idx(prefix + "-images.idx3-ubyte", 3);
    const tensor<std::uint8_t> labels = read_idx(prefix + "-labels.idx1-ubyte", 1);
    const std::ptrdiff_t count = labels.size();
    lowbit::check(images.shape() == tensor_shape{count, digits::side, digits::side}, prefix, ": images ",
                  to_string(images.shape()), " for ", count, " labels");
    digits result;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
        lowbit::check(labels[i] < digits::classes, prefix, ": label ", i, " is ", int(labels[i]));
        result.labels.push_back(labels[i]);
    }
    images.reshape({count, digits::side, digits::side, 1});
    result.images = std::move(images);
    return result;
}

/// The images first … last − 1.
inline digits slice(const digits& all, std::ptrdiff_t first, std::ptrdiff_t last) {
    lowbit::check(first >= 0 && first <= last && last <= all.size(), "digits: no images ", first, " to ", last);
    digits part;
    part.images = tensor<std::uint8_t>({last - first, digits::side, digits::side, 1});
    std::copy(all.images.data() + first * digits::pixels, all.images.data() + last * digits::pixels,
              part.images.data());
    part.labels.assign(all.labels.begin() + first, all.labels.begin() + last);
    return part;
}

/// What the networks read: pixels / 255. Writes the images into `out` from its row `at` on.
inline void to_float(const digits& from, std::ptrdiff_t first, std::ptrdiff_t last, float* out) {
    for (std::ptrdiff_t i = first * digits::pixels; i < last * digits::pixels; ++i)
        *out++ = static_cast<float>(from.images[i]) / 255.0f;
}

/// All images as the networks read them: [n, 28, 28, 1] in [0, 1].
inline tensor<float> to_float(const digits& from) {
    tensor<float> values(from.images.shape());
    to_float(from, 0, from.size(), values.data());
    return values;
}

/// The digits, cut the same way everywhere: 7,000 images to train on, 1,000 held out of the training images for every
/// choice, 2,000 test images that nothing is chosen by.
struct digit_parts {
    digits train, choice, test;

    explicit digit_parts(const std::string& folder) {
        const digits all = load_digits(folder, "train");
        lowbit::check(all.size() == 8000, folder, ": ", all.size(), " training images instead of 8000");
        train = slice(all, 0, 7000);
        choice = slice(all, 7000, 8000);
        test = load_digits(folder, "test");
    }
};

}  // namespace examples
