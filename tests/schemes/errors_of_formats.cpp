// SPDX-License-Identifier: Apache-2.0
// The error of every format on 2^20 samples of two distributions, to the digits that others have printed.
#include <lowbit/core/metrics.hpp>
#include <lowbit/schemes/any.hpp>

#include <examples/common/samples.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <string>

using namespace lowbit;

namespace {

struct row {
    const char* scheme;
    double rmse, sqnr_db;                  // N(0, 1)
    double student_rmse, student_sqnr_db;  // Student's t, 4 degrees of freedom
};

// Measured on the reference implementations that tests/golden/README.md names; channels of 4096 values.
constexpr row rows[] = {
    // clang-format off
    {"mxfp8e4m3", 0.029350, 30.65, 0.045082, 29.89},
    {"mxfp8e5m2", 0.054016, 25.35, 0.077329, 25.20},
    {"mxfp6e3m2", 0.054017, 25.35, 0.077334, 25.20},
    {"mxfp6e2m3", 0.028389, 30.94, 0.044487, 30.01},
    {"mxfp4", 0.114854, 18.80, 0.184381, 17.66},
    {"mxfp4:ties=away", 0.114854, 18.80, 0.184381, 17.66},
    {"mxint8", 0.008273, 41.65, 0.015198, 39.33},
    {"mxint8:ties=away", 0.008273, 41.65, 0.015198, 39.33},
    {"msfp16", 0.007267, 42.77, 0.012467, 41.06},
    {"msfp12", 0.117104, 18.63, 0.198065, 17.03},
    {"mx9", 0.004721, 46.52, 0.007706, 45.23},
    {"mx6", 0.038489, 28.29, 0.062316, 27.08},
    {"mx4", 0.163796, 15.71, 0.258382, 14.73},
    {"nvfp4", 0.095050, 20.44, 0.129477, 20.73},
    {"nf4", 0.091963, 20.73, 0.156172, 19.10},
    {"fp4", 0.121818, 18.28, 0.236102, 15.51},
    {"vsq4s4v16:order=A", 0.092333, 20.69, 0.197681, 17.05},
    {"vsq4s4v16:order=B", 0.087092, 21.20, 0.162177, 18.77},
    {"vsq4s6v16:order=A", 0.085595, 21.35, 0.151898, 19.34},
    {"vsq4s6v16:order=B", 0.085281, 21.38, 0.149691, 19.47},
    {"vsq4s8v16:order=A", 0.085184, 21.39, 0.148816, 19.52},
    {"vsq4s8v16:order=B", 0.085165, 21.39, 0.148680, 19.53},
    {"vsq8s4v16:order=A", 0.035967, 28.88, 0.129991, 20.69},
    {"vsq8s4v16:order=B", 0.014200, 36.95, 0.058575, 27.62},
    {"vsq8s6v16:order=A", 0.009704, 40.26, 0.032249, 32.80},
    {"vsq8s6v16:order=B", 0.005683, 44.91, 0.015363, 39.24},
    {"vsq8s8v16:order=A", 0.005141, 45.78, 0.011313, 41.90},
    {"vsq8s8v16:order=B", 0.004812, 46.35, 0.008951, 43.93},
    {"int8", 0.011381, 38.88, 0.089889, 23.90},
    {"int8:channel=0", 0.008633, 41.28, 0.035542, 31.96},
    {"int4", 0.206484, 13.70, 1.134515, 1.87},
    {"int4:channel=0", 0.156768, 16.09, 0.600806, 7.40},
    {"q4_0", 0.085924, 21.32, 0.162445, 18.76},
    {"q4_1", 0.078266, 22.13, 0.131469, 20.59},
    {"q8_0", 0.005351, 45.43, 0.010255, 42.75},
    {"ggml_mxfp4", 0.114854, 18.80, 0.184381, 17.66},
    {"q4_k", 0.071353, 22.93, 0.121661, 21.27},
    {"q6_k", 0.017730, 35.02, 0.032028, 32.86},
    {"iq4_nl", 0.076148, 22.37, 0.131225, 20.61},
    {"iq4nl", 0.076148, 22.37, 0.131225, 20.61},
    // clang-format on
};

double rounded(double value, double digits) { return std::round(value * digits) / digits; }

}  // namespace

TEST_CASE("RMSE and SQNR of every format are those of the reference implementations") {
    const auto gaussian = examples::gaussian_samples({256, 4096}), student = examples::student_samples({256, 4096});
    for (const row& r : rows) {
        const any_scheme scheme = parse_scheme(r.scheme);
        CAPTURE(r.scheme);
        const auto error = compare(gaussian, dequantize(quantize(gaussian, scheme)));
        const auto student_error = compare(student, dequantize(quantize(student, scheme)));
        const std::string name = r.scheme;
        if (name == "q4_k" || name == "q6_k" || name == "iq4_nl" || name == "iq4nl") {  // encoders that search
            CHECK(error.sqnr_db() >= r.sqnr_db);
            CHECK(student_error.sqnr_db() >= r.student_sqnr_db);
            continue;
        }
        CHECK(rounded(error.rmse(), 1e6) == Approx(r.rmse).epsilon(1e-9));
        CHECK(rounded(error.sqnr_db(), 100) == Approx(r.sqnr_db).epsilon(1e-9));
        CHECK(rounded(student_error.rmse(), 1e6) == Approx(r.student_rmse).epsilon(1e-9));
        CHECK(rounded(student_error.sqnr_db(), 100) == Approx(r.student_sqnr_db).epsilon(1e-9));
    }
}
