// SPDX-License-Identifier: Apache-2.0
/// @file
/// Golden data by its path below tests/golden: .npy arrays as tensors, .csv tables as rows of text.
#pragma once

#include <lowbit/core/error.hpp>
#include <lowbit/core/tensor.hpp>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace golden {

inline std::string path(std::string_view name) { return std::string(LOWBIT_GOLDEN "/").append(name); }

inline std::string bytes(std::string_view name) {
    std::ifstream file(path(name), std::ios::binary);
    lowbit::check(file.good(), "golden file is missing: ", path(name));
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Version 1 .npy, little-endian, C order. T must have the size of the stored elements.
template <class T>
lowbit::tensor<T> load(std::string_view name) {
    const std::string file = bytes(name);
    const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(file.at(at))); };
    const std::size_t start = 10 + byte(8) + 256 * byte(9);
    const std::string header = file.substr(10, start - 10);
    std::vector<std::ptrdiff_t> extents;
    const std::size_t close = header.find(')', header.find("'shape'"));
    for (std::size_t at = header.find('(', header.find("'shape'")) + 1; at < close; at = header.find(',', at) + 1) {
        if (header[at] == ' ') ++at;
        if (at == close || header[at] == ')') break;
        extents.push_back(std::stoll(header.substr(at)));
        if (header.find(',', at) > close) break;
    }
    lowbit::tensor<T> values{lowbit::tensor_shape(std::span<const std::ptrdiff_t>(extents))};
    const std::size_t size = static_cast<std::size_t>(values.size()) * sizeof(T);
    lowbit::check(file.size() - start == size, "golden file ", path(name), " holds other than ", size, " bytes");
    if (size != 0) std::memcpy(values.data(), file.data() + start, size);
    return values;
}

/// A table: fields by row and column name.
struct table {
    std::vector<std::string> names;
    std::vector<std::vector<std::string>> rows;

    const std::string& at(std::size_t row, std::string_view column) const {
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (names[i] == column) return rows.at(row).at(i);
        }
        lowbit::fail("golden table has no column ", column);
    }
    /// The field as a number; decimal or hexadecimal floating point both parse.
    double number(std::size_t row, std::string_view column) const { return std::stod(at(row, column)); }
    long long integer(std::size_t row, std::string_view column) const { return std::stoll(at(row, column)); }
};

/// Fields are separated by commas; a field in double quotes may hold commas.
inline table load_csv(std::string_view name) {
    table result;
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (const char c : bytes(name)) {
        if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            fields.emplace_back();
        } else if (c == '\n') {
            (result.names.empty() ? result.names : result.rows.emplace_back()) = fields;
            fields.assign(1, {});
        } else if (c != '\r') {
            fields.back() += c;
        }
    }
    return result;
}

}  // namespace golden

/// `load<float>("formats/in_gauss.npy")`.
using golden::load;
using golden::load_csv;
