// SPDX-License-Identifier: Apache-2.0
#include <bench/peers/integer.hpp>

// Its default build is SSE4; AVX2 halves its time.
#pragma GCC target("avx2")
#define __AVX2__ 1
#define GEMMLOWP_ENABLE_AVX2
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <gemmlowp/public/gemmlowp.h>
#include <gemmlowp/public/output_stages.h>
#pragma GCC diagnostic pop

namespace peers {

struct gemmlowp_product::state {
    gemmlowp::GemmContext context;
    std::vector<std::uint8_t> w, y;
    std::vector<std::int32_t> bias, multipliers, exponents;
    const std::uint8_t* x = nullptr;
    int m = 0, n = 0, k = 0, x_zero = 0, y_zero = 0;
};

gemmlowp_product::gemmlowp_product(const problem& p) : state_(std::make_unique<state>()) {
    state& s = *state_;
    s.context.set_max_num_threads(1);
    s.m = static_cast<int>(p.rows);
    s.n = static_cast<int>(p.shape.out_channels);
    s.k = static_cast<int>(p.shape.channels);
    s.x = p.x.data();
    s.x_zero = p.x_zero;
    s.y_zero = p.y_zero;
    for (const std::int8_t w : p.w) s.w.push_back(static_cast<std::uint8_t>(w + 128));
    s.y.resize(static_cast<std::size_t>(p.outputs()));
    s.bias = p.bias;
    for (const lowbit::multiplier m : p.multipliers) {
        s.multipliers.push_back(m.m0);
        s.exponents.push_back(m.shift);
    }
}

gemmlowp_product::~gemmlowp_product() = default;
const std::uint8_t* gemmlowp_product::y() const { return state_->y.data(); }

void gemmlowp_product::operator()() {
    state& s = *state_;
    using gemmlowp::MapOrder;
    using column = gemmlowp::VectorMap<const std::int32_t, gemmlowp::VectorShape::Col>;
    const gemmlowp::MatrixMap<const std::uint8_t, MapOrder::RowMajor> left(s.w.data(), s.n, s.k);
    const gemmlowp::MatrixMap<const std::uint8_t, MapOrder::ColMajor> right(s.x, s.k, s.m);
    gemmlowp::MatrixMap<std::uint8_t, MapOrder::ColMajor> result(s.y.data(), s.n, s.m);
    const gemmlowp::OutputStageBiasAddition<column> bias{column(s.bias.data(), s.n)};
    const gemmlowp::OutputStageScaleInt32ByFixedPointAndExponentPC<gemmlowp::VectorShape::Col> scale{
        column(s.multipliers.data(), s.n), column(s.exponents.data(), s.n), s.y_zero};
    gemmlowp::GemmWithOutputPipeline<std::uint8_t, std::uint8_t, gemmlowp::DefaultL8R8BitDepthParams>(
        &s.context, left, right, &result, -128, -s.x_zero,
        std::make_tuple(bias, scale, gemmlowp::OutputStageSaturatingCastToUint8()));
}

}  // namespace peers
