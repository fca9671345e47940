# SPDX-License-Identifier: Apache-2.0
"""K-means of a million gaussian values by scikit-learn, on one thread, beside numpy's sort of the same values: what
bench_peers says about lowbit, in the same terms (shares of a sort, SQNR in dB).

    OMP_NUM_THREADS=1 python3 bench/peers/scikit_learn.py [VALUES]      needs Debian's python3-sklearn
"""
import sys
import time

import numpy
from sklearn.cluster import KMeans

count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
values = numpy.random.default_rng(1).standard_normal(count).astype(numpy.float32)
start = time.process_time()
numpy.sort(values)
sort = time.process_time() - start
print(f"numpy.sort of {count} values: {1000 * sort:.1f} ms")
for k in (16, 256):
    start = time.process_time()
    found = KMeans(k, n_init=1, random_state=1).fit(values[:, None])
    seconds = time.process_time() - start
    sqnr = 10 * numpy.log10(numpy.sum(values.astype(numpy.float64) ** 2) / found.inertia_)
    print(f"k = {k}: {1000 * seconds:.0f} ms, {sqnr:.4f} dB, {found.n_iter_} iterations")
