// SPDX-License-Identifier: Apache-2.0
/// @file
/// NumPy's .npy files, read strictly and written as NumPy writes them.
///
/// Magic "\x93NUMPY", version, header length (16 bits in version 1, 32 in versions 2 and 3), a Python dictionary with
/// descr, fortran_order and shape, then the elements (NEP 1). Types: f2 f4 f8, i1 i2 i4 i8, u1 u2 u4 u8, b1. Big-endian
/// and Fortran order are honoured: what `read_npy` returns is native and row-major. Anything else is an error that
/// names the byte: objects and structures, a header or data past the end, data after the end, a shape that overflows.
#pragma once

#include <lowbit/core/numeric.hpp>
#include <lowbit/core/source.hpp>
#include <lowbit/core/tensor.hpp>
#include <lowbit/formats/minifloat.hpp>
#include <lowbit/storage/bytes.hpp>

#include <charconv>
#include <string>
#include <string_view>
#include <type_traits>

namespace lowbit {

/// Element type of a .npy file: kind 'f' float, 'i' signed, 'u' unsigned, 'b' bool, and its size in bytes.
struct npy_dtype {
    char kind = 'f';
    int size = 4;

    bool operator==(const npy_dtype&) const = default;
};

/// "f4".
inline std::string to_string(npy_dtype type) { return detail::concat(std::string_view(&type.kind, 1), type.size); }

/// What a .npy file says about its elements.
struct npy_header {
    npy_dtype type;
    std::endian order = std::endian::little;
    bool fortran_order = false;  ///< the first axis is contiguous in the file
    tensor_shape shape;
    std::size_t data_offset = 0;  ///< byte where the elements begin
};

namespace detail {

/// The dictionary of a .npy header: three keys, each once, in any order; Python literals only.
class npy_dictionary {
public:
    npy_dictionary(std::string_view text, std::size_t offset) : text_(text), offset_(offset) {}

    void parse(npy_header& header) {
        bool has_descr = false, has_order = false, has_shape = false;
        expect('{');
        while (!accept('}')) {
            const std::string_view key = quoted();
            expect(':');
            if (key == "descr" && !has_descr) {
                has_descr = true;
                descr(header);
            } else if (key == "fortran_order" && !has_order) {
                has_order = true;
                header.fortran_order = truth();
            } else if (key == "shape" && !has_shape) {
                has_shape = true;
                header.shape = shape();
            } else {
                bad("an unknown or repeated key '", key, "'");
            }
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        skip_space();
        if (at_ != text_.size()) bad("text after the dictionary");
        if (!has_descr || !has_order || !has_shape) bad("descr, fortran_order or shape is missing");
    }

private:
    template <class... Parts>
    [[noreturn]] void bad(const Parts&... parts) const {
        fail("npy: at byte ", offset_ + at_, " of the header: ", parts...);
    }

    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    }

    bool accept(char wanted) {
        skip_space();
        const bool found = at_ < text_.size() && text_[at_] == wanted;
        at_ += found;
        return found;
    }

    void expect(char wanted) {
        if (!accept(wanted)) bad("expected '", std::string_view(&wanted, 1), "'");
    }

    std::string_view quoted() {
        const char quote = accept('"') ? '"' : '\'';
        if (quote == '\'') expect('\'');
        const std::size_t end = text_.find(quote, at_);
        if (end == std::string_view::npos) bad("a string without an end");
        const std::string_view inside = text_.substr(at_, end - at_);
        at_ = end + 1;
        return inside;
    }

    void descr(npy_header& header) {
        if (accept('[')) bad("structured element types are not supported");
        const std::string_view text = quoted();
        const std::string_view type = text.substr(text.empty() ? 0 : 1);
        for (const std::string_view known : {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}) {
            if (type != known) continue;
            header.type = {known[0], known[1] - '0'};
            header.order = text[0] == '>' ? std::endian::big : std::endian::little;
            if (text[0] == '<' || text[0] == '>' || (text[0] == '|' && header.type.size == 1)) return;
        }
        bad("the element type '", text, "' is not one of f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1 with a byte order");
    }

    bool truth() {
        skip_space();
        for (const std::string_view word : {"True", "False"}) {
            if (text_.substr(at_, word.size()) != word) continue;
            at_ += word.size();
            return word == "True";
        }
        bad("expected True or False");
    }

    tensor_shape shape() {
        std::array<std::ptrdiff_t, tensor_shape::max_rank> extents{};
        std::size_t rank = 0;
        expect('(');
        while (!accept(')')) {
            if (rank == extents.size()) bad("more than ", rank, " axes");
            extents[rank++] = extent();
            if (accept(',')) continue;
            if (rank == 1) bad("a shape of one axis ends in a comma");
            expect(')');
            break;
        }
        return tensor_shape(std::span<const std::ptrdiff_t>(extents.data(), rank));
    }

    std::ptrdiff_t extent() {
        skip_space();
        std::ptrdiff_t value = 0;
        const auto [end, failure] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
        if (failure != std::errc{} || value < 0) bad("an extent that is not an integer from 0 to 2^63 - 1");
        at_ = static_cast<std::size_t>(end - text_.data());
        return value;
    }

    std::string_view text_;
    std::size_t offset_;
    std::size_t at_ = 0;
};

/// The dtype of a C++ type; bool, and integers and floats by kind and size.
template <class T>
constexpr npy_dtype dtype_of() {
    static_assert(std::is_arithmetic_v<T> || std::is_same_v<T, float16>, "npy: T is an integer or a float");
    if constexpr (std::is_same_v<T, bool>) return {'b', 1};
    if constexpr (std::is_floating_point_v<T> || std::is_same_v<T, float16>) return {'f', int(sizeof(T))};
    return {std::is_signed_v<T> ? 'i' : 'u', int(sizeof(T))};
}

/// Every value of type `from` is a value of type `to`.
constexpr bool holds(npy_dtype to, npy_dtype from) {
    if (from.kind == 'b') return true;
    if (to.kind == 'f') return from.kind == 'f' ? to.size >= from.size : to.size > from.size;
    if (from.kind == 'f' || (from.kind == 'i' && to.kind == 'u')) return false;
    return from.kind == to.kind ? to.size >= from.size : to.size > from.size;
}

/// Calls f(T{}) with the C++ type of a dtype; bool as its byte.
template <class Function>
void with_dtype(npy_dtype type, Function&& f) {
    if (type.kind == 'f') {
        type.size == 2 ? f(float16{}) : type.size == 4 ? f(float{}) : f(double{});
    } else if (type.kind == 'i') {
        type.size == 1   ? f(std::int8_t{})
        : type.size == 2 ? f(std::int16_t{})
        : type.size == 4 ? f(std::int32_t{})
                         : f(std::int64_t{});
    } else {
        type.size == 1   ? f(std::uint8_t{})
        : type.size == 2 ? f(std::uint16_t{})
        : type.size == 4 ? f(std::uint32_t{})
                         : f(std::uint64_t{});
    }
}

/// The offset in row order that follows `index` when the first axis runs fastest; the index is advanced.
inline std::ptrdiff_t next_in_fortran_order(std::array<std::ptrdiff_t, tensor_shape::max_rank>& index,
                                            const tensor_shape& shape) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
        auto& i = index[static_cast<std::size_t>(axis)];
        if (++i < shape[axis]) break;
        i = 0;
    }
    std::ptrdiff_t offset = 0;
    for (int axis = 0; axis < shape.rank(); ++axis)
        offset = offset * shape[axis] + index[static_cast<std::size_t>(axis)];
    return offset;
}

}  // namespace detail

/// Type, shape and layout of a .npy file in memory. Errors: anything but a whole, well-formed file of a known type.
inline npy_header read_npy_header(std::span<const std::byte> file) {
    byte_reader in(file, "npy");
    const auto magic = in.take(6, "the magic string");
    check(std::memcmp(magic.data(), "\x93NUMPY", 6) == 0, "npy: the file does not begin with \\x93NUMPY");
    const int major = in.number<std::uint8_t>("the version"), minor = in.number<std::uint8_t>("the version");
    check(major >= 1 && major <= 3 && minor == 0, "npy: version ", major, ".", minor, " is not 1.0, 2.0 or 3.0");
    const std::size_t length =
        major == 1 ? in.number<std::uint16_t>("the header length") : in.number<std::uint32_t>("the header length");
    const std::size_t begin = in.offset();
    const auto text = in.take(length, "the header");

    npy_header header;
    detail::npy_dictionary({reinterpret_cast<const char*>(text.data()), length}, begin).parse(header);
    header.data_offset = in.offset();
    const std::size_t wanted = static_cast<std::size_t>(
        checked_multiply<std::ptrdiff_t>(header.shape.size(), header.type.size, "npy: bytes of the elements"));
    in.take(wanted, "the elements");
    in.require(in.remaining() == 0, in.remaining(), " bytes after the last element of the shape ",
               to_string(header.shape));
    return header;
}

/// Type, shape and layout of a .npy file.
inline npy_header read_npy_header(const std::string& path) { return read_npy_header(read_file(path)); }

/// The elements of a .npy file in memory, native and row-major. T is any type that holds every value of the file's:
/// f2 reads as float, u1 as int, b1 as anything. Errors: a malformed file; a T that could lose something.
template <class T>
tensor<T> read_npy(std::span<const std::byte> file) {
    const npy_header header = read_npy_header(file);
    check(detail::holds(detail::dtype_of<T>(), header.type), "npy: elements of type ", to_string(header.type),
          " do not all fit in ", to_string(detail::dtype_of<T>()), ", the type asked for");
    tensor<T> values(header.shape);
    std::array<std::ptrdiff_t, tensor_shape::max_rank> index{};
    std::ptrdiff_t target = 0;
    detail::with_dtype(header.type, [&]<class Stored>(Stored) {
        for (std::ptrdiff_t i = 0; i < values.size(); ++i) {
            const std::size_t offset = header.data_offset + static_cast<std::size_t>(i) * sizeof(Stored);
            const auto stored = detail::load_bytes<Stored>(file.data() + offset, header.order);
            check(header.type.kind != 'b' || static_cast<float>(stored) <= 1.0f, "npy: at byte ", offset,
                  ": a bool that is not 0 or 1");
            if constexpr (std::is_same_v<Stored, float16> || std::is_same_v<T, float16>) {
                values[target] = static_cast<T>(static_cast<float>(stored));
            } else {
                values[target] = static_cast<T>(stored);
            }
            target = header.fortran_order ? detail::next_in_fortran_order(index, header.shape) : i + 1;
        }
    });
    return values;
}

/// The elements of a .npy file, native and row-major; see above.
template <class T>
tensor<T> read_npy(const std::string& path) {
    return read_npy<T>(read_file(path));
}

/// A .npy file in memory: version 1.0, little-endian, C order, elements at a multiple of 64 bytes; the same bytes as
/// numpy.save. x: anything `read` takes, of an integer or float type.
template <class X>
std::vector<std::byte> npy_bytes(const X& x) {
    const auto values = read(x);
    using number = std::remove_cvref_t<decltype(values[0])>;
    constexpr npy_dtype type = detail::dtype_of<number>();
    std::string shape;
    for (const std::ptrdiff_t extent : values.shape())
        detail::append(shape, detail::concat(shape.empty() ? "" : ", ", extent));
    if (values.shape().rank() == 1) shape += ",";
    std::string text = detail::concat("{'descr': '", sizeof(number) == 1 ? "|" : "<", to_string(type),
                                      "', 'fortran_order': False, 'shape': (", shape, "), }");
    text.append(63 - (10 + text.size()) % 64, ' ');
    text += '\n';

    std::vector<std::byte> file(10 + text.size() + static_cast<std::size_t>(values.size()) * sizeof(number));
    std::memcpy(file.data(), "\x93NUMPY\x01", 8);
    detail::store_bytes(static_cast<std::uint16_t>(text.size()), file.data() + 8);
    std::memcpy(file.data() + 10, text.data(), text.size());
    std::byte* at = file.data() + 10 + text.size();
    for (std::ptrdiff_t i = 0; i < values.size(); ++i, at += sizeof(number)) detail::store_bytes(values[i], at);
    return file;
}

/// Writes x as a .npy file.
template <class X>
void write_npy(const std::string& path, const X& x) {
    write_file(path, npy_bytes(x));
}

}  // namespace lowbit
