// SPDX-License-Identifier: Apache-2.0
/// @file
/// Hugging Face's safetensors, read strictly and written as its own library writes them.
///
/// u64 header length, little-endian; a JSON object that gives each tensor's dtype, shape and data_offsets [begin, end)
/// in the bytes after it (and strings under "__metadata__"); the data. The tensors cover the data without gaps or
/// overlaps. Everything else is an error that names the byte: unknown types, keys that repeat, sizes that do not match
/// or wrap around.
#pragma once

#include <lowbit/core/numeric.hpp>
#include <lowbit/core/source.hpp>
#include <lowbit/core/tensor.hpp>
#include <lowbit/formats/minifloat.hpp>
#include <lowbit/storage/bytes.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lowbit {

namespace detail {

/// Name and bytes of each element type that is known.
struct safetensors_dtype {
    std::string_view name;
    std::ptrdiff_t bytes;
};
inline constexpr safetensors_dtype safetensors_dtypes[] = {
    {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"I64", 8}, {"I32", 4},
    {"I16", 2}, {"I8", 1},  {"U64", 8}, {"U32", 4},  {"U16", 2},     {"U8", 1},      {"BOOL", 1}};

/// The dtype of a C++ type.
template <class T>
constexpr std::string_view safetensors_name() {
    if constexpr (std::is_same_v<T, float16>) {
        return "F16";
    } else if constexpr (std::is_same_v<T, bfloat16>) {
        return "BF16";
    } else if constexpr (std::is_same_v<T, float8_e4m3>) {
        return "F8_E4M3";
    } else if constexpr (std::is_same_v<T, float8_e5m2>) {
        return "F8_E5M2";
    } else if constexpr (std::is_floating_point_v<T>) {
        static_assert(sizeof(T) <= 8, "safetensors: no type for long double");
        return sizeof(T) == 8 ? "F64" : "F32";
    } else {
        static_assert(std::is_integral_v<T>, "safetensors: T is an integer or a float");
        constexpr std::string_view names[2][4] = {{"U8", "U16", "U32", "U64"}, {"I8", "I16", "I32", "I64"}};
        return names[std::is_signed_v<T>][sizeof(T) == 8 ? 3 : sizeof(T) / 2];
    }
}

/// The JSON of a header: objects, strings, arrays of whole numbers; nothing else occurs in one.
class safetensors_json {
public:
    safetensors_json(std::string_view text, std::size_t offset) : text_(text), offset_(offset) {}

    template <class... Parts>
    void require(bool condition, const Parts&... parts) const {
        check(condition, "safetensors: at byte ", offset_ + at_, ": ", parts...);
    }
    void skip_space() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
    }
    bool accept(char wanted) {
        skip_space();
        const bool found = at_ < text_.size() && text_[at_] == wanted;
        at_ += found;
        return found;
    }
    void expect(char wanted) { require(accept(wanted), "expected '", std::string_view(&wanted, 1), "'"); }

    /// Calls member() after each key of an object; it reads the value.
    template <class Member>
    void object(Member member) {
        expect('{');
        if (accept('}')) return;
        do {
            std::string key = string();
            expect(':');
            member(std::move(key));
        } while (accept(','));
        expect('}');
    }

    std::string string() {
        expect('"');
        std::string out;
        for (;;) {
            require(at_ < text_.size(), "a string without an end");
            const char c = text_[at_++];
            if (c == '"') return out;
            require(static_cast<unsigned char>(c) >= 0x20, "a control character in a string");
            out += c == '\\' ? escaped() : std::string(1, c);
        }
    }

    std::vector<std::uint64_t> numbers() {
        std::vector<std::uint64_t> out;
        expect('[');
        if (accept(']')) return out;
        do {
            skip_space();
            std::uint64_t value = 0;
            const auto [end, status] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
            require(status == std::errc{}, "expected a whole number below 2^64");
            at_ = static_cast<std::size_t>(end - text_.data());
            out.push_back(value);
        } while (accept(','));
        expect(']');
        return out;
    }

    /// Only space is left.
    void finish() {
        skip_space();
        require(at_ == text_.size(), "text after the header's object");
    }

private:
    std::uint32_t hex4() {
        require(text_.size() - at_ >= 4, "an escape without an end");
        std::uint32_t value = 0;
        const auto [end, status] = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, value, 16);
        require(status == std::errc{} && end == text_.data() + at_ + 4, "an escape that is no hexadecimal number");
        at_ += 4;
        return value;
    }

    std::string escaped() {
        require(at_ < text_.size(), "an escape without an end");
        const char c = text_[at_++];
        constexpr std::string_view plain = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
        if (const std::size_t found = plain.find(c); found != std::string_view::npos) return {meant[found]};
        require(c == 'u', "an unknown escape");
        std::uint32_t point = hex4();
        if (point >= 0xd800 && point < 0xdc00) {
            require(text_.substr(at_, 2) == "\\u", "half a surrogate pair");
            at_ += 2;
            const std::uint32_t low = hex4();
            require(low >= 0xdc00 && low < 0xe000, "half a surrogate pair");
            point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        }
        require(point < 0xd800 || point >= 0xe000, "half a surrogate pair");
        // UTF-8: RFC 3629, section 3.
        std::string out;
        const int more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
        constexpr std::uint32_t lead[] = {0, 0xc0, 0xe0, 0xf0};
        out += static_cast<char>(lead[more] | point >> (6 * more));
        for (int i = more; i-- > 0;) out += static_cast<char>(0x80 | (point >> (6 * i) & 0x3f));
        return out;
    }

    std::string_view text_;
    std::size_t offset_, at_ = 0;
};

/// The text as a JSON string.
inline std::string json_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            constexpr std::string_view digits = "0123456789abcdef";
            out += "\\u00";
            out += digits[static_cast<unsigned char>(c) >> 4];
            out += digits[static_cast<unsigned char>(c) & 15];
        } else {
            out += c;
        }
    }
    out += '"';
    return out;
}

}  // namespace detail

/// Reads tensors from a safetensors file in memory, which must outlive it.
class safetensors {
public:
    /// A tensor of the file.
    struct entry {
        std::string name;
        std::string dtype;  ///< as the format names it: "F32", "BF16", "I8", …
        tensor_shape shape;
        std::span<const std::byte> bytes;  ///< little-endian, row-major
    };

    /// Reads and checks the header. Errors, naming the byte: anything that is not a whole, well-formed file.
    explicit safetensors(std::span<const std::byte> file) {
        byte_reader in(file, "safetensors");
        const auto length = in.number<std::uint64_t>("the header length");
        in.require(length <= in.remaining(), "a header of ", length, " bytes, but ", in.remaining(), " are left");
        const auto text = in.take(static_cast<std::size_t>(length), "the header");
        const std::span<const std::byte> data = file.subspan(in.offset());
        detail::safetensors_json json({reinterpret_cast<const char*>(text.data()), text.size()}, 8);
        json.require(!text.empty() && text[0] == std::byte{'{'}, "the header does not begin with '{'");
        bool has_metadata = false;
        std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
        json.object([&](std::string name) {
            if (name == "__metadata__") {
                json.require(!std::exchange(has_metadata, true), "a second \"__metadata__\"");
                json.object([&](const std::string& key) {
                    json.require(metadata_.emplace(key, json.string()).second, "the key \"", key, "\" is there twice");
                });
                return;
            }
            ranges.push_back(read_entry(json, std::move(name), data));
        });
        json.finish();
        std::sort(ranges.begin(), ranges.end());
        std::uint64_t end = 0;
        for (const auto& [first, last] : ranges) {
            check(first == end, "safetensors: at byte ", in.offset() + end, ": the next tensor's data begin at byte ",
                  in.offset() + first, ": gaps and overlaps are not allowed");
            end = last;
        }
        check(end == data.size(), "safetensors: at byte ", in.offset() + end, ": ", data.size() - end,
              " bytes that belong to no tensor");
    }

    /// In the order of the header.
    std::span<const entry> entries() const { return entries_; }
    const std::map<std::string, std::string>& metadata() const { return metadata_; }

    /// Errors: no tensor of that name.
    const entry& find(std::string_view name) const {
        for (const entry& e : entries_) {
            if (e.name == name) return e;
        }
        fail("safetensors: no tensor \"", name, "\"");
    }

    /// The values as they are; BOOL as std::uint8_t. Errors: none of that name, another dtype than T's.
    template <class T>
    tensor<T> read(std::string_view name) const {
        const entry& e = find(name);
        const bool as_bytes = std::is_same_v<T, std::uint8_t> && e.dtype == "BOOL";
        check(as_bytes || e.dtype == detail::safetensors_name<T>(), "safetensors: \"", name, "\" holds ", e.dtype,
              ", not ", detail::safetensors_name<T>());
        return load<T>(e);
    }

    /// The values of a floating-point tensor as float32; F64 is rounded. Errors: none of that name, integers.
    tensor<float> read_float(std::string_view name) const {
        const entry& e = find(name);
        if (e.dtype == "F32") return load<float>(e);
        if (e.dtype == "F64") return converted<double>(e);
        if (e.dtype == "F16") return converted<float16>(e);
        if (e.dtype == "BF16") return converted<bfloat16>(e);
        if (e.dtype == "F8_E4M3") return converted<float8_e4m3>(e);
        if (e.dtype == "F8_E5M2") return converted<float8_e5m2>(e);
        fail("safetensors: \"", name, "\" holds ", e.dtype, ", which are no floats: use read");
    }

private:
    template <class T>
    static tensor<T> load(const entry& e) {
        tensor<T> values(e.shape);
        for (std::ptrdiff_t i = 0; i < values.size(); ++i)
            values[i] = detail::load_bytes<T>(e.bytes.data() + static_cast<std::size_t>(i) * sizeof(T));
        return values;
    }
    template <class T>
    static tensor<float> converted(const entry& e) {
        tensor<float> values(e.shape);
        for (std::ptrdiff_t i = 0; i < values.size(); ++i)
            values[i] =
                static_cast<float>(detail::load_bytes<T>(e.bytes.data() + static_cast<std::size_t>(i) * sizeof(T)));
        return values;
    }

    std::pair<std::uint64_t, std::uint64_t> read_entry(detail::safetensors_json& json, std::string name,
                                                       std::span<const std::byte> data) {
        for (const entry& e : entries_) json.require(e.name != name, "the tensor \"", name, "\" is there twice");
        entry e{.name = std::move(name), .dtype = {}, .shape = {}, .bytes = {}};
        std::vector<std::uint64_t> shape, offsets;
        int seen = 0;
        json.object([&](const std::string& key) {
            const int bit = key == "dtype" ? 1 : key == "shape" ? 2 : key == "data_offsets" ? 4 : 0;
            json.require(bit != 0 && (seen & bit) == 0, "an unknown or repeated key \"", key, "\"");
            seen |= bit;
            bit == 1 ? void(e.dtype = json.string()) : void((bit == 2 ? shape : offsets) = json.numbers());
        });
        json.require(seen == 7 && offsets.size() == 2, "\"", e.name, "\" needs dtype, shape and two data_offsets");
        const auto* type = std::find_if(std::begin(detail::safetensors_dtypes), std::end(detail::safetensors_dtypes),
                                        [&](const auto& known) { return known.name == e.dtype; });
        json.require(type != std::end(detail::safetensors_dtypes), "the unknown dtype \"", e.dtype, "\"");
        json.require(shape.size() <= tensor_shape::max_rank, "\"", e.name, "\" has ", shape.size(),
                     " axes; at most 6 are supported");
        std::vector<std::ptrdiff_t> extents;
        for (const std::uint64_t extent : shape) {
            json.require(extent <= std::uint64_t{1} << 62, "the extent ", extent);
            extents.push_back(static_cast<std::ptrdiff_t>(extent));
        }
        e.shape = tensor_shape(extents);
        const auto bytes = checked_multiply(e.shape.size(), type->bytes, "safetensors: bytes of a tensor");
        json.require(offsets[0] <= offsets[1] && offsets[1] <= data.size(), "the data_offsets [", offsets[0], ", ",
                     offsets[1], "] of ", data.size(), " bytes");
        json.require(offsets[1] - offsets[0] == static_cast<std::uint64_t>(bytes), "\"", e.name, "\" has ",
                     offsets[1] - offsets[0], " bytes for ", to_string(e.shape), " of ", e.dtype);
        e.bytes = data.subspan(offsets[0], static_cast<std::size_t>(bytes));
        entries_.push_back(std::move(e));
        return {offsets[0], offsets[1]};
    }

    std::vector<entry> entries_;
    std::map<std::string, std::string> metadata_;
};

/// Gathers tensors and writes them as one safetensors file.
class safetensors_writer {
public:
    /// Adds a tensor: anything `read` takes, of float, double, float16, bfloat16, 8-bit float or integers. Errors: a
    /// name that is there already or reserved.
    template <class X>
    void add(std::string_view name, const X& x) {
        const auto values = read(x);
        using number = std::remove_cvref_t<decltype(values[0])>;
        check(name != "__metadata__", "safetensors: the name \"__metadata__\" is reserved");
        for (const std::string& other : names_) check(other != name, "safetensors: \"", name, "\" is there already");
        names_.emplace_back(name);
        std::string shape;
        for (const std::ptrdiff_t extent : values.shape())
            detail::append(shape, detail::concat(shape.empty() ? "" : ",", extent));
        const std::size_t begin = data_.size();
        data_.resize(begin + static_cast<std::size_t>(values.size()) * sizeof(number));
        for (std::ptrdiff_t i = 0; i < values.size(); ++i)
            detail::store_bytes(values[i], data_.data() + begin + static_cast<std::size_t>(i) * sizeof(number));
        member(detail::concat(detail::json_string(name), ":{\"dtype\":\"", detail::safetensors_name<number>(),
                              "\",\"shape\":[", shape, "],\"data_offsets\":[", begin, ",", data_.size(), "]}"));
    }

    /// Adds strings under "__metadata__"; at most once. Errors: a second time.
    void metadata(const std::map<std::string, std::string>& strings) {
        check(!has_metadata_, "safetensors: the metadata are there already");
        has_metadata_ = true;
        std::string inside;
        for (const auto& [key, value] : strings)
            detail::append(inside, detail::concat(inside.empty() ? "" : ",", detail::json_string(key), ":",
                                                  detail::json_string(value)));
        member(detail::concat("\"__metadata__\":{", inside, "}"));
    }

    /// The file; its data begin at a multiple of 8 bytes.
    std::vector<std::byte> bytes() const {
        std::string header = detail::concat("{", members_, "}");
        header.append((8 - header.size() % 8) % 8, ' ');
        std::vector<std::byte> file(8 + header.size() + data_.size());
        detail::store_bytes(std::uint64_t{header.size()}, file.data());
        std::transform(header.begin(), header.end(), file.begin() + 8, [](char c) { return std::byte(c); });
        std::copy(data_.begin(), data_.end(), file.begin() + 8 + std::ssize(header));
        return file;
    }

    /// Writes the file.
    void write(const std::string& path) const { write_file(path, bytes()); }

private:
    void member(const std::string& text) {
        detail::append(members_, detail::concat(members_.empty() ? "" : ",", text));
    }

    std::vector<std::string> names_;
    std::string members_;
    std::vector<std::byte> data_;
    bool has_metadata_ = false;
};

}  // namespace lowbit
