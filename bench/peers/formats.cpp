// SPDX-License-Identifier: Apache-2.0
/// @file
/// Quantizing, dequantizing and packing, one thread, in GB/s of bytes read plus bytes written; the limit is a copy of
/// as many bytes, the peer XNNPACK's int8 converters on as many values.
#include <bench/peers/report.hpp>
#include <bench/support/data.hpp>
#include <lowbit/kernels/block_codebook.hpp>
#include <lowbit/kernels/block_ggml.hpp>
#include <lowbit/kernels/block_microexponent.hpp>
#include <lowbit/kernels/block_mx.hpp>
#include <lowbit/kernels/block_nvfp4.hpp>
#include <lowbit/kernels/block_vsq.hpp>
#include <lowbit/kernels/pack.hpp>
#include <lowbit/kernels/quantize.hpp>
#include <lowbit/kernels/reduce.hpp>
#include <lowbit/schemes/fixed_codebook.hpp>

#include <xnnpack.h>

#include <cstring>
#include <initializer_list>
#include <utility>

namespace {

using lowbit::isa;
using peers::options;
using peers::report;

constexpr isa vector_sets[] = {isa::avx512, isa::avx2};

/// The sizes of a row: in the second-level cache, in the third, in memory.
struct size {
    std::ptrdiff_t values;
    const char* name;
};
constexpr size sizes[] = {
    {std::ptrdiff_t{64} << 10, "64 K"}, {std::ptrdiff_t{1} << 20, "1 M"}, {std::ptrdiff_t{32} << 20, "32 M"}};
constexpr size nearer_memory{std::ptrdiff_t{8} << 20, "8 M"};  // for a quick run
constexpr bool in_memory(const size& s) { return s.values >= (8 << 20); }

/// Operators of XNNPACK that convert n values, `channel` of them each, ready to run.
class xnnpack_converters {
public:
    xnnpack_converters(bool quantize, std::ptrdiff_t n, std::ptrdiff_t channel, float* floats, void* codes) {
        xnn_initialize(nullptr);
        auto* bytes = static_cast<std::int8_t*>(codes);
        const auto batch = static_cast<std::size_t>(channel);
        for (std::ptrdiff_t i = 0; i < n; i += channel) {
            xnn_operator_t made = nullptr;
            auto status = quantize ? xnn_create_convert_nc_f32_qs8(1, 1, 1, 0.02f, 0, -128, 127, 0, &made)
                                   : xnn_create_convert_nc_qs8_f32(1, 1, 1, 0.02f, 0, 0, &made);
            if (status == xnn_status_success) {
                status = quantize ? xnn_setup_convert_nc_f32_qs8(made, batch, floats + i, bytes + i, nullptr)
                                  : xnn_setup_convert_nc_qs8_f32(made, batch, bytes + i, floats + i, nullptr);
            }
            if (status != xnn_status_success) std::fprintf(stderr, "XNNPACK: status %d\n", status), std::exit(1);
            operators_.push_back(made);
        }
    }
    xnnpack_converters(const xnnpack_converters&) = delete;
    ~xnnpack_converters() {
        for (const auto made : operators_) xnn_delete_operator(made);
    }

    void operator()() const {
        for (const auto made : operators_) xnn_run_operator(made, nullptr);
    }

private:
    std::vector<xnn_operator_t> operators_;
};

/// Memory for every case; the inputs are gaussian, the codes arbitrary.
struct buffers {
    explicit buffers(std::ptrdiff_t n)
        : values(bench::gaussian(n)),
          result({n}),
          codes(static_cast<std::size_t>(2 * n)),
          packed(static_cast<std::size_t>(2 * n)),
          copy(static_cast<std::size_t>(8 * n)),
          scales(static_cast<std::size_t>(n / 64)) {
        for (std::size_t i = 0; i < codes.size(); ++i)
            codes[i] = packed[i] = static_cast<std::uint8_t>(i * 2654435761u >> 24);
    }
    lowbit::tensor<float> values, result;
    lowbit::aligned_vector<std::uint8_t> codes, packed, copy;
    lowbit::aligned_vector<float> scales;
};

/// What a case moves, and what is asked of it.
struct workload {
    const char* group;
    std::string name;
    std::ptrdiff_t bytes;        ///< read plus written
    bool quantizes;              ///< which of XNNPACK's converters stands beside it; as many values
    std::ptrdiff_t channel = 0;  ///< values that one of them converts; 0: all
    std::optional<double> least_ratio, least_of_limit;
    std::optional<double> least = {}, least_on_avx2 = least;  ///< GB/s
};

/// Measures our function on each instruction set beside the copy and the converter, and adds the rows.
void measure(report& out, const options& how, buffers& memory, const size& s, const workload& w,
             const std::function<void()>& ours) {
    // The converter has its own codes, so that ours stay what they are.
    auto* spare = memory.copy.data();
    const xnnpack_converters converter(w.quantizes, s.values, w.channel > 0 ? w.channel : s.values,
                                       w.quantizes ? memory.values.data() : memory.result.data(), spare);
    const auto half = static_cast<std::size_t>(w.bytes / 2);
    const auto copy = [&] { std::memcpy(memory.copy.data() + memory.copy.size() / 2, memory.copy.data(), half); };
    for (const isa set : vector_sets) {
        if (!lowbit::set_isa(set)) continue;
        const auto seconds = peers::fastest({ours, copy, [&] { converter(); }}, how);
        const double converted = static_cast<double>(5 * s.values) / seconds[2];
        const double rate = static_cast<double>(w.bytes) / seconds[0],
                     limit = static_cast<double>(w.bytes) / seconds[1];
        const bool best = set == isa::avx512;
        out.add({.group = w.group,
                 .name = w.name + ", " + s.name,
                 .isa = std::string(to_string(set)),
                 .ours = rate * 1e-9,
                 .unit = "GB/s",
                 .best_peer = converted * 1e-9,
                 .peer = "XNNPACK",
                 .of_limit = rate / limit,
                 .required_ratio = best ? w.least_ratio : std::nullopt,
                 .required_of_limit = w.least_of_limit,
                 .required = best ? w.least : w.least_on_avx2});
    }
    lowbit::reset_isa();
}

void affine(report& out, const options& how, buffers& memory, const size& s) {
    const auto cases = [&]<class Code>(Code, const char* name) {
        auto* codes = reinterpret_cast<Code*>(memory.codes.data());
        const lowbit::affine_grid grid{.inverse_scale = 50.0f,
                                       .zero_point = 3,
                                       .lowest = std::numeric_limits<Code>::min(),
                                       .highest = std::numeric_limits<Code>::max()};
        for (const std::ptrdiff_t channel : {s.values, std::ptrdiff_t{1024}}) {
            const std::string what = std::string(name) + (channel == s.values ? " per tensor" : " per channel of 1024");
            const std::ptrdiff_t bytes = 5 * s.values;
            const auto stores = lowbit::caching_for(s.values);
            measure(out, how, memory, s, {"Affine", "quantize " + what, bytes, true, channel, 1.0, {}}, [&] {
                for (std::ptrdiff_t i = 0; i < s.values; i += channel) {
                    lowbit::quantize_affine(memory.values.data() + i, channel, grid, codes + i, stores);
                }
                lowbit::finish_stores(stores);
            });
            measure(out, how, memory, s, {"Affine", "dequantize " + what, bytes, false, channel, 1.0, {}}, [&] {
                for (std::ptrdiff_t i = 0; i < s.values; i += channel) {
                    lowbit::dequantize_affine(codes + i, channel, 0.02f, 3, memory.result.data() + i, stores);
                }
                lowbit::finish_stores(stores);
            });
        }
    };
    cases(std::int8_t{}, "int8");
    cases(std::uint8_t{}, "uint8");
}

/// Values of a channel, and of a task where a scheme has two loops over its values.
constexpr std::ptrdiff_t tile = 4096;

/// A block format, with all of its scales in `memory.packed` and its codes in `memory.codes`.
struct block_format {
    const char* name;
    double bits;  ///< a value, scales included
    std::function<void(const float*, std::ptrdiff_t, buffers&, lowbit::caching)> quantize;
    std::function<void(buffers&, std::ptrdiff_t, float*, lowbit::caching)> dequantize;
};

std::vector<block_format> block_formats() {
    std::vector<block_format> formats;
    const auto mx = [&](const char* name, lowbit::mx_element element) {
        formats.push_back({name, lowbit::mx_bits(element) + 0.25,
                           [=](const float* x, std::ptrdiff_t n, buffers& to, lowbit::caching stores) {
                               lowbit::quantize_mx(x, n, {.element = element}, nullptr, to.codes.data(),
                                                   to.packed.data(), stores);
                           },
                           [=](buffers& from, std::ptrdiff_t n, float* x, lowbit::caching stores) {
                               lowbit::dequantize_mx(from.codes.data(), from.packed.data(), n, element, x, stores);
                           }});
    };
    mx("MXINT8", lowbit::mx_element::int8);
    mx("MXFP8 E4M3", lowbit::mx_element::e4m3);
    mx("MXFP8 E5M2", lowbit::mx_element::e5m2);
    mx("MXFP6 E3M2", lowbit::mx_element::e3m2);
    mx("MXFP6 E2M3", lowbit::mx_element::e2m3);
    mx("MXFP4", lowbit::mx_element::e2m1);
    formats.push_back({"NVFP4", 4.5,
                       [](const float* x, std::ptrdiff_t n, buffers& to, lowbit::caching stores) {
                           const float scale = lowbit::nvfp4_tensor_scale(lowbit::find_magnitude(x, n));
                           lowbit::quantize_nvfp4(x, n, scale, 16, false, nullptr, to.codes.data(), to.packed.data(),
                                                  stores);
                       },
                       [](buffers& from, std::ptrdiff_t n, float* x, lowbit::caching stores) {
                           lowbit::dequantize_nvfp4(from.codes.data(), from.packed.data(), n, 0.01f, 16, x, stores);
                       }});
    formats.push_back(
        {"NF4", 4.5,
         [](const float* x, std::ptrdiff_t n, buffers& to, lowbit::caching stores) {
             static constexpr auto table = lowbit::make_codebook_table(lowbit::nf4_levels);
             for (std::ptrdiff_t i = 0; i < n; i += tile) {
                 float* scales = to.scales.data() + i / 64;
                 lowbit::codebook_scales(x + i, tile, 64, table.top, scales);
                 lowbit::quantize_codebook(x + i, tile, 64, table, scales, to.codes.data() + i / 2, stores);
             }
         },
         [](buffers& from, std::ptrdiff_t n, float* x, lowbit::caching stores) {
             lowbit::dequantize_codebook(from.codes.data(), n, 64, lowbit::nf4_levels, from.scales.data(), x, stores);
         }});
    const auto mx_shared = [&](const char* name, int m) {
        const lowbit::microexponent_format format{.mantissa_bits = m};
        formats.push_back({name, m + 2.0,
                           [=](const float* x, std::ptrdiff_t n, buffers& to, lowbit::caching stores) {
                               auto *exponents = to.packed.data(), *shifts = exponents + n / 16;
                               lowbit::quantize_microexponent(x, n, format, to.codes.data(), exponents, shifts, stores);
                           },
                           [=](buffers& from, std::ptrdiff_t n, float* x, lowbit::caching stores) {
                               const auto *exponents = from.packed.data(), *shifts = exponents + n / 16;
                               lowbit::dequantize_microexponent(from.codes.data(), exponents, shifts, n, format, x,
                                                                stores);
                           }});
    };
    mx_shared("MX9", 7);
    mx_shared("MX6", 4);
    mx_shared("MX4", 2);
    const auto vsq = [&](const char* name, int bits, int scale_bits) {
        const lowbit::vsq_format format{.bits = bits, .scale_bits = scale_bits};
        formats.push_back({name, bits + scale_bits / 16.0,
                           [=](const float* x, std::ptrdiff_t n, buffers& to, lowbit::caching stores) {
                               for (std::ptrdiff_t i = 0; i < n; i += tile) {  // a channel
                                   to.scales[static_cast<std::size_t>(i / tile)] =
                                       lowbit::vsq_gamma(lowbit::vsq_amax(x + i, tile, true), format);
                                   lowbit::quantize_vsq(x + i, tile, to.scales[static_cast<std::size_t>(i / tile)],
                                                        format, to.codes.data() + i / 8 * bits,
                                                        to.packed.data() + i / 16 / 8 * scale_bits, stores);
                               }
                           },
                           [=](buffers& from, std::ptrdiff_t n, float* x, lowbit::caching stores) {
                               for (std::ptrdiff_t i = 0; i < n; i += tile) {
                                   lowbit::dequantize_vsq(
                                       from.codes.data() + i / 8 * bits, from.packed.data() + i / 16 / 8 * scale_bits,
                                       tile, from.scales[static_cast<std::size_t>(i / tile)], format, x + i, stores);
                               }
                           }});
    };
    vsq("VSQ 4/4/16", 4, 4);
    vsq("VSQ 8/8/16", 8, 8);
    const auto ggml = [&](const char* name, lowbit::ggml_type type, double bits) {
        formats.push_back({name, bits,
                           [=](const float* x, std::ptrdiff_t n, buffers& to, lowbit::caching) {
                               lowbit::quantize_ggml(x, n, type, false, nullptr, to.codes.data());
                           },
                           [=](buffers& from, std::ptrdiff_t n, float* x, lowbit::caching stores) {
                               lowbit::dequantize_ggml(from.codes.data(), n, type, x, stores);
                           }});
    };
    ggml("Q8_0", lowbit::ggml_type::q8_0, 8.5);
    ggml("Q4_0", lowbit::ggml_type::q4_0, 4.5);
    return formats;
}

void blocks(report& out, const options& how, buffers& memory, const size& s) {
    for (const block_format& format : block_formats()) {
        const auto bytes = 4 * s.values + static_cast<std::ptrdiff_t>(format.bits / 8 * static_cast<double>(s.values));
        const bool far = in_memory(s);
        const auto least = [&](double rate) { return far ? std::nullopt : std::optional(rate); };
        const bool with_amax = std::strcmp(format.name, "NVFP4") == 0;  // finds the tensor's maximum first
        const auto of_limit = far ? std::optional(0.9) : std::nullopt;
        measure(out, how, memory, s,
                {"Block formats",
                 std::string("quantize ") + format.name,
                 bytes,
                 true,
                 0,
                 {},
                 of_limit,
                 least(with_amax ? 18 : 25),
                 least(18)},
                [&] {
                    const auto stores = lowbit::caching_for(s.values);
                    format.quantize(memory.values.data(), s.values, memory, stores);
                    lowbit::finish_stores(stores);
                });
        const auto stores = lowbit::caching_for(4 * s.values);
        measure(out, how, memory, s,
                {"Block formats",
                 std::string("dequantize ") + format.name,
                 bytes,
                 false,
                 0,
                 {},
                 of_limit,
                 least(60),
                 least(45)},
                [&] {
                    format.dequantize(memory, s.values, memory.result.data(), stores);
                    lowbit::finish_stores(stores);
                });
    }
}

/// `:scale=mse`: every format that has it.
void searches(report& out, const options& how, buffers& memory, const size& s) {
    const auto row = [&](const char* name, double bits, const std::function<void(const float*)>& quantize) {
        const auto bytes = 4 * s.values + static_cast<std::ptrdiff_t>(bits / 8 * static_cast<double>(s.values));
        measure(out, how, memory, s, {"Searched scales", std::string("quantize ") + name, bytes, true, 0, {}, {}, 1.0},
                [&] { quantize(memory.values.data()); });
    };
    auto *codes = memory.codes.data(), *scales = memory.packed.data();
    for (const auto& [name, element] :
         {std::pair("MXINT8", lowbit::mx_element::int8), std::pair("MXFP8 E4M3", lowbit::mx_element::e4m3),
          std::pair("MXFP8 E5M2", lowbit::mx_element::e5m2), std::pair("MXFP6 E3M2", lowbit::mx_element::e3m2),
          std::pair("MXFP6 E2M3", lowbit::mx_element::e2m3), std::pair("MXFP4", lowbit::mx_element::e2m1)}) {
        const lowbit::mx_format format{.element = element, .scale = lowbit::mx_scale::mse};
        row(name, lowbit::mx_bits(element) + 0.25,
            [&](const float* x) { lowbit::quantize_mx(x, s.values, format, nullptr, codes, scales); });
    }
    row("NVFP4", 4.5, [&](const float* x) {
        const float scale = lowbit::nvfp4_tensor_scale(lowbit::find_magnitude(x, s.values));
        lowbit::quantize_nvfp4(x, s.values, scale, 16, true, nullptr, codes, scales);
    });
    for (const auto& [name, levels] : {std::pair("NF4", lowbit::nf4_levels), std::pair("FP4", lowbit::fp4_levels)}) {
        const auto table = lowbit::make_codebook_table(levels);
        float* const block_scales = memory.scales.data();
        row(name, 4.5, [&](const float* x) {
            for (std::ptrdiff_t i = 0; i < s.values; i += tile) {
                lowbit::codebook_best_scales(x + i, tile, 64, table, nullptr, block_scales + i / 64);
                lowbit::quantize_codebook(x + i, tile, 64, table, block_scales + i / 64, codes + i / 2);
            }
        });
    }
    for (const auto& [name, type] :
         {std::pair("Q4_0", lowbit::ggml_type::q4_0), std::pair("Q4_1", lowbit::ggml_type::q4_1),
          std::pair("Q8_0", lowbit::ggml_type::q8_0), std::pair("Q4_K", lowbit::ggml_type::q4_k),
          std::pair("Q6_K", lowbit::ggml_type::q6_k), std::pair("IQ4_NL", lowbit::ggml_type::iq4_nl)}) {
        const double bits = 8 * static_cast<double>(lowbit::ggml_block_bytes(type)) /
                            static_cast<double>(lowbit::ggml_block_size(type));
        row(name, bits, [&](const float* x) { lowbit::quantize_ggml(x, s.values, type, true, nullptr, codes); });
    }
}

void packing(report& out, const options& how, buffers& memory, const size& s) {
    for (int bits = 2; bits <= 7; ++bits) {
        const std::ptrdiff_t bytes = s.values + lowbit::packed_bytes(s.values, bits);
        const std::string what = std::to_string(bits) + " bits";
        measure(out, how, memory, s, {"Packing", "pack " + what, bytes, true, 0, {}, {}, 40.0},
                [&] { lowbit::pack(memory.codes.data(), s.values, bits, memory.packed.data()); });
        measure(out, how, memory, s, {"Packing", "unpack " + what, bytes, true, 0, {}, {}, 40.0},
                [&] { lowbit::unpack(memory.packed.data(), s.values, bits, memory.codes.data()); });
    }
}

void run(report& out, const options& how) {
    const size in_cache = sizes[0], far = how.quick ? nearer_memory : sizes[2];
    buffers memory(far.values);
    for (const size& s : {in_cache, sizes[1], far}) affine(out, how, memory, s);
    for (const size& s : {in_cache, sizes[1], far}) blocks(out, how, memory, s);
    searches(out, how, memory, in_cache);
    packing(out, how, memory, in_cache);
}

const peers::add_comparison added{"formats", run};

}  // namespace
