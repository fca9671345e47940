// SPDX-License-Identifier: Apache-2.0
/// @file
/// The names that other code passes on without looking inside: declarations only, for headers that want to stay cheap.
#pragma once

namespace lowbit {

// core/
class error;
class executor;
class tensor_shape;
template <class T>
class tensor_view;
template <class T>
class tensor;

// calibrate/
struct range;

// schemes/
struct granularity;
struct affine;
struct affine_params;
class affine_tensor;
struct kmeans;
struct codebook;
class kmeans_tensor;
class any_scheme;
class any_quantized;

// kernels/
struct multiplier;
struct output_stage;

// model/
class graph;
struct quantized_graph;
class integer_network;

}  // namespace lowbit
