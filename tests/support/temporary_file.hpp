// SPDX-License-Identifier: Apache-2.0
/// @file
/// A file's path that nobody else has, gone with the test.
#pragma once

#include <filesystem>
#include <random>
#include <string>

class temporary_file {
public:
    explicit temporary_file(const std::string& extension = "") {
        path_ =
            (std::filesystem::temp_directory_path() / ("lowbit_" + std::to_string(std::random_device()()) + extension))
                .string();
    }
    ~temporary_file() { std::filesystem::remove(path_); }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};
