// SPDX-License-Identifier: Apache-2.0
/// @file
/// The clip with the least Kullback–Leibler divergence between data and quantized data (Migacz 2017, "8-bit inference
/// with TensorRT"), on a histogram of |x|.
///
/// The variant, for every candidate i = levels … bins: P is the first i bins, with all that lies beyond added to its
/// last bin; Q spreads the *unmoved* counts of each of `levels` equal runs of bins over the run's bins that are not
/// empty. Both are normalised; the candidate with the least Σ P·log(P/Q) wins, the largest of equals.
///
/// Known faults of implementations, and what is done here:
/// - the last bins are dropped where `levels` does not divide i: runs end at ⌈j·i/levels⌉ and cover every bin;
/// - zero counts (a ReLU's) drown all others: values that are exactly 0 stay out of the histogram, since every grid
///   stores them exactly;
/// - Q is 0 where P is not (the outliers land in an empty bin): the divergence is infinite and the candidate is out,
///   where others smooth it with a constant and pick it;
/// - a pile of values at one place (a ReLU6's at 6; what a convolution makes of an image's background) costs more
///   spread over a run than cut off, so that half the data may go: candidates that cut off more than a share `most_cut`
///   of the values are out. `choose_range` gives 1/levels: the last code may get as much as a code's fair share, no
///   more;
/// - fewer candidates than bins because of strides or an early end: all are tried, the last one clips nothing.
#pragma once

#include <lowbit/core/numeric.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace lowbit {

/// How many of the first bins to keep. counts: of |x| > 0 in equal bins from 0 on; levels: positive codes; most_cut:
/// the largest share of the values to clip. All empty: all bins. Complexity O(bins·levels).
inline std::size_t kl_bins(std::span<const std::uint64_t> counts, std::size_t levels, double most_cut = 1) {
    const std::size_t bins = counts.size();
    if (bins == 0) return 0;
    // Prefix sums: of counts, of bins that are not empty, of c·log c.
    std::vector<double> mass(bins + 1), filled(bins + 1), entropy(bins + 1);
    const auto count_log = [](double c) { return c > 0 ? c * std::log(c) : 0.0; };
    for (std::size_t i = 0; i < bins; ++i) {
        const auto c = static_cast<double>(counts[i]);
        mass[i + 1] = mass[i] + c;
        filled[i + 1] = filled[i] + (c > 0 ? 1 : 0);
        entropy[i + 1] = entropy[i] + count_log(c);
    }
    const double total = mass[bins];
    std::size_t best = bins;
    double least = std::numeric_limits<double>::max();
    for (std::size_t i = std::min(levels, bins); i <= bins; ++i) {
        const double outliers = total - mass[i], last = static_cast<double>(counts[i - 1]);
        if (mass[i] == 0 || outliers > most_cut * total || (outliers > 0 && last == 0)) continue;
        // Σ P·log(P/Q) = (Σ p·log p − Σ p·log q)/total − log total + log Σq, with q one value per run.
        double cross = 0;
        for (std::size_t run = 0, first = 0; run < levels; ++run) {
            const std::size_t end = ceil_div((run + 1) * i, levels);
            const double inside = mass[end] - mass[first];
            const double moved = end == i ? outliers : 0;
            if (inside + moved > 0) cross += (inside + moved) * std::log(inside / (filled[end] - filled[first]));
            if (end == i) break;
            first = end;
        }
        const double own = entropy[i - 1] + count_log(last + outliers);
        const double divergence = (own - cross) / total - std::log(total) + std::log(mass[i]);
        if (divergence <= least) {
            least = divergence;
            best = i;
        }
    }
    return best;
}

}  // namespace lowbit
