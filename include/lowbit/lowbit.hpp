// SPDX-License-Identifier: Apache-2.0
/// @file
/// All of lowbit. Each header also stands alone.
/// (Written by cmake/umbrella.cmake, which a test repeats: a header that is missing here fails it.)
#pragma once

#include <lowbit/core/config.hpp>
#include <lowbit/core/cpu.hpp>
#include <lowbit/core/eigen.hpp>
#include <lowbit/core/error.hpp>
#include <lowbit/core/executor.hpp>
#include <lowbit/core/metrics.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/core/pools.hpp>
#include <lowbit/core/source.hpp>
#include <lowbit/core/tensor.hpp>

#include <lowbit/formats/code_stream.hpp>
#include <lowbit/formats/e8m0.hpp>
#include <lowbit/formats/minifloat.hpp>
#include <lowbit/formats/packed.hpp>

#include <lowbit/kernels/best_parents.hpp>
#include <lowbit/kernels/block_codebook.hpp>
#include <lowbit/kernels/block_ggml.hpp>
#include <lowbit/kernels/block_microexponent.hpp>
#include <lowbit/kernels/block_mx.hpp>
#include <lowbit/kernels/block_nvfp4.hpp>
#include <lowbit/kernels/block_search.hpp>
#include <lowbit/kernels/block_vsq.hpp>
#include <lowbit/kernels/caching.hpp>
#include <lowbit/kernels/conv2d.hpp>
#include <lowbit/kernels/depthwise.hpp>
#include <lowbit/kernels/depthwise_tile.hpp>
#include <lowbit/kernels/dot.hpp>
#include <lowbit/kernels/elementwise.hpp>
#include <lowbit/kernels/elementwise_task.hpp>
#include <lowbit/kernels/gemm_run.hpp>
#include <lowbit/kernels/gemm_tile.hpp>
#include <lowbit/kernels/hadamard.hpp>
#include <lowbit/kernels/layer.hpp>
#include <lowbit/kernels/linear.hpp>
#include <lowbit/kernels/pack.hpp>
#include <lowbit/kernels/packed_gemm.hpp>
#include <lowbit/kernels/pooling.hpp>
#include <lowbit/kernels/quantize.hpp>
#include <lowbit/kernels/radix_sort.hpp>
#include <lowbit/kernels/reduce.hpp>
#include <lowbit/kernels/reference.hpp>
#include <lowbit/kernels/requantize.hpp>
#include <lowbit/kernels/shape.hpp>

#include <lowbit/calibrate/aciq.hpp>
#include <lowbit/calibrate/clip.hpp>
#include <lowbit/calibrate/distribution.hpp>
#include <lowbit/calibrate/histogram.hpp>
#include <lowbit/calibrate/kl.hpp>
#include <lowbit/calibrate/moments.hpp>
#include <lowbit/calibrate/mse.hpp>
#include <lowbit/calibrate/observers.hpp>
#include <lowbit/calibrate/octav.hpp>
#include <lowbit/calibrate/percentile.hpp>
#include <lowbit/calibrate/range.hpp>

#include <lowbit/schemes/affine.hpp>
#include <lowbit/schemes/any.hpp>
#include <lowbit/schemes/block.hpp>
#include <lowbit/schemes/codebook.hpp>
#include <lowbit/schemes/fixed_codebook.hpp>
#include <lowbit/schemes/ggml_block.hpp>
#include <lowbit/schemes/granularity.hpp>
#include <lowbit/schemes/kmeans.hpp>
#include <lowbit/schemes/kmeans_exact.hpp>
#include <lowbit/schemes/kmeans_fast.hpp>
#include <lowbit/schemes/least_cost_path.hpp>
#include <lowbit/schemes/microexponent.hpp>
#include <lowbit/schemes/nvfp4.hpp>
#include <lowbit/schemes/ocp_mx.hpp>
#include <lowbit/schemes/packed_codes.hpp>
#include <lowbit/schemes/quantize.hpp>
#include <lowbit/schemes/scale_type.hpp>
#include <lowbit/schemes/scheme_text.hpp>
#include <lowbit/schemes/value_cells.hpp>
#include <lowbit/schemes/value_runs.hpp>
#include <lowbit/schemes/vector_codebook.hpp>
#include <lowbit/schemes/vsq.hpp>

#include <lowbit/refine/adaround.hpp>
#include <lowbit/refine/awq.hpp>
#include <lowbit/refine/bias_correction.hpp>
#include <lowbit/refine/bn_fold.hpp>
#include <lowbit/refine/channels.hpp>
#include <lowbit/refine/equalize.hpp>
#include <lowbit/refine/gptq.hpp>
#include <lowbit/refine/gptq_blocks.hpp>
#include <lowbit/refine/hadamard.hpp>
#include <lowbit/refine/hqq.hpp>
#include <lowbit/refine/input_moments.hpp>
#include <lowbit/refine/prune.hpp>
#include <lowbit/refine/smoothquant.hpp>

#include <lowbit/train/bn_fold.hpp>
#include <lowbit/train/fake_quantize.hpp>
#include <lowbit/train/kmeans.hpp>
#include <lowbit/train/lsq.hpp>
#include <lowbit/train/observer.hpp>
#include <lowbit/train/pact.hpp>

#include <lowbit/storage/archive.hpp>
#include <lowbit/storage/bytes.hpp>
#include <lowbit/storage/crc32c.hpp>
#include <lowbit/storage/huffman.hpp>
#include <lowbit/storage/mapped_file.hpp>
#include <lowbit/storage/npy.hpp>
#include <lowbit/storage/parts.hpp>
#include <lowbit/storage/safetensors.hpp>
#include <lowbit/storage/sparse.hpp>

#include <lowbit/products/block_linear.hpp>
#include <lowbit/products/int8_linear.hpp>
#include <lowbit/products/linear.hpp>

#include <lowbit/model/activations.hpp>
#include <lowbit/model/diagnose.hpp>
#include <lowbit/model/dynamic_linear.hpp>
#include <lowbit/model/equalize.hpp>
#include <lowbit/model/float_run.hpp>
#include <lowbit/model/fold.hpp>
#include <lowbit/model/graph.hpp>
#include <lowbit/model/integer_network.hpp>
#include <lowbit/model/kmeans_model.hpp>
#include <lowbit/model/layer_moments.hpp>
#include <lowbit/model/layout.hpp>
#include <lowbit/model/lower.hpp>
#include <lowbit/model/mixed_precision.hpp>
#include <lowbit/model/quantize_model.hpp>
#include <lowbit/model/quantized_graph.hpp>
#include <lowbit/model/recipe.hpp>
#include <lowbit/model/report.hpp>
#include <lowbit/model/rescale_inputs.hpp>
#include <lowbit/model/rotate.hpp>
#include <lowbit/model/round_weights.hpp>
#include <lowbit/model/sensitivity.hpp>
#include <lowbit/model/simulate.hpp>
#include <lowbit/model/size.hpp>

#include <lowbit/fwd.hpp>
#include <lowbit/version.hpp>
