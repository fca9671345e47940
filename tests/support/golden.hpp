// SPDX-License-Identifier: Apache-2.0
/// @file
/// Golden data by its path below tests/golden: .npy arrays as tensors, .csv tables as rows of text.
#pragma once

#include <lowbit/storage/npy.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace golden {

inline std::string path(std::string_view name) { return std::string(LOWBIT_GOLDEN "/").append(name); }

/// The array in row order; T is any type that holds every stored value.
template <class T>
lowbit::tensor<T> load(std::string_view name) {
    return lowbit::read_npy<T>(path(name));
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
    for (const std::byte byte : lowbit::read_file(path(name))) {
        const char c = static_cast<char>(byte);
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
