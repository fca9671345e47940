// SPDX-License-Identifier: Apache-2.0
/// @file
/// Work in a fixed number of blocks of images: sums are made in block order, so results do not depend on the number of
/// threads.
#pragma once

#include <lowbit/core/eigen.hpp>
#include <lowbit/core/executor.hpp>
#include <lowbit/core/tensor.hpp>

namespace examples {

using lowbit::executor;
using lowbit::row_matrix;
using lowbit::tensor;
using lowbit::tensor_shape;

template <class T>
using row_map = Eigen::Map<row_matrix<T>>;
template <class T>
using const_row_map = Eigen::Map<const row_matrix<T>>;

inline constexpr std::ptrdiff_t blocks = 4;

/// f(block, first, last) over a fixed cut of n into `blocks` ranges.
template <class Function>
void for_blocks(std::ptrdiff_t n, const executor& threads, Function&& f) {
    threads.parallel_for(blocks, [&](std::ptrdiff_t b) {
        const std::ptrdiff_t first = b * n / blocks, last = (b + 1) * n / blocks;
        if (first < last) f(b, first, last);
    });
}

// Rows of channels: the inner loops, plain enough for the compiler to vectorise.

template <class T>
void add_to(T* __restrict y, const T* __restrict x, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] += x[i];
}

template <class T>
void add_product_to(T* __restrict y, const T* __restrict a, const T* __restrict b, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] += a[i] * b[i];
}

/// One accumulator per block, added up in order.
template <class T>
class block_sums {
public:
    explicit block_sums(std::ptrdiff_t size) : size_(size), values_({blocks, size}) {}
    T* operator[](std::ptrdiff_t block) { return values_.data() + block * size_; }
    void add_to(T* total) const {
        for (std::ptrdiff_t b = 0; b < blocks; ++b) examples::add_to(total, values_.data() + b * size_, size_);
    }

private:
    std::ptrdiff_t size_;
    tensor<T> values_;
};

}  // namespace examples
