// SPDX-License-Identifier: Apache-2.0
/// @file
/// One way to say that the user's input is wrong: what, where, and what to do about it.
///
/// `check(condition, parts...)` costs one branch; the message is put together only when the condition fails.
#pragma once

#include <lowbit/core/config.hpp>

#include <charconv>
#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lowbit {

/// What a user can get wrong: a bad argument, a bad file, data that cannot be stored as asked.
class error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

namespace detail {

inline void append(std::string& text, std::string_view part) { text += part; }

// A template, so that no pointer converts to it.
template <std::same_as<bool> Bool>
void append(std::string& text, Bool part) {
    text += part ? "true" : "false";
}

template <class Number>
    requires((std::integral<Number> || std::floating_point<Number>)&&!std::same_as<Number, bool>)
void append(std::string& text, Number part) {
    char digits[40];
    const auto end = std::to_chars(digits, digits + sizeof digits, part);
    text.append(digits, end.ptr);
}

template <class... Parts>
std::string concat(const Parts&... parts) {
    std::string text;
    (append(text, parts), ...);
    return text;
}

}  // namespace detail

/// Throws `error` with the parts joined to one message; calls LOWBIT_ERROR_HANDLER where exceptions are off.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
    const std::string message = detail::concat(parts...);
#if LOWBIT_EXCEPTIONS
    throw error(message);
#else
    LOWBIT_ERROR_HANDLER(message.c_str());
    __builtin_unreachable();
#endif
}

/// Fails with the joined parts unless the condition holds.
template <class... Parts>
void check(bool condition, const Parts&... parts) {
    if (!condition) [[unlikely]]
        fail(parts...);
}

}  // namespace lowbit
