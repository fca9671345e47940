// SPDX-License-Identifier: Apache-2.0
/// @file
/// Scheme strings, "name:suffix:suffix=value": the words, and which of them a scheme has understood.
///
/// Each scheme reads its own name and suffixes: `bool parse(scheme_text& text, S& scheme)` is false where the name is
/// another scheme's, and takes the suffixes that it knows; whatever nobody took is refused by name.
#pragma once

#include <lowbit/schemes/granularity.hpp>

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowbit {

/// A scheme string, split into its name and suffixes.
class scheme_text {
public:
    /// The text must outlive this object.
    explicit scheme_text(std::string_view text) : text_(text) {
        std::size_t end = text.find(':');
        name_ = text.substr(0, end);
        while (end != std::string_view::npos) {
            const std::size_t begin = end + 1;
            end = text.find(':', begin);
            const std::string_view word = text.substr(begin, end == std::string_view::npos ? end : end - begin);
            const std::size_t equals = word.find('=');
            suffixes_.push_back({word.substr(0, equals), equals == std::string_view::npos
                                                             ? std::nullopt
                                                             : std::optional(word.substr(equals + 1))});
        }
    }

    std::string_view name() const { return name_; }

    /// N of a name "<prefix>N", if it is one in lowest … highest. Errors: the prefix with a number outside of them.
    std::optional<int> numbered(std::string_view prefix, int lowest, int highest) const {
        if (name_.substr(0, prefix.size()) != prefix) return std::nullopt;
        const std::optional<int> number = integer(name_.substr(prefix.size()));
        if (!number) return std::nullopt;
        check(*number >= lowest && *number <= highest, "scheme \"", text_, "\": ", prefix, "N takes N = ", lowest,
              " to ", highest);
        return number;
    }

    /// True if the suffix is there; it is then taken. Errors: it has a value; it is there twice.
    bool take_flag(std::string_view key) {
        const suffix* found = take(key);
        check(found == nullptr || !found->value, "scheme \"", text_, "\": \":", key, "\" takes no value");
        return found != nullptr;
    }

    /// The value of the suffix "key=value", if it is there; it is then taken. Errors: no value; it is there twice.
    std::optional<std::string_view> take_value(std::string_view key) {
        const suffix* found = take(key);
        if (found == nullptr) return std::nullopt;
        check(found->value.has_value(), "scheme \"", text_, "\": \":", key, "\" needs a value: \":", key, "=…\"");
        return found->value;
    }

    /// The integer value of the suffix, if it is there. Errors: not an integer.
    std::optional<int> take_integer(std::string_view key) {
        const auto value = take_value(key);
        if (!value) return std::nullopt;
        const std::optional<int> number = integer(*value);
        check(number.has_value(), "scheme \"", text_, "\": \":", key, "=", *value, "\" is not an integer");
        return number;
    }

    /// One of the named values of the suffix, if it is there: `take_choice("ties", {"even", "away"})` gives 0 or 1.
    std::optional<int> take_choice(std::string_view key, std::initializer_list<std::string_view> names) {
        const auto value = take_value(key);
        if (!value) return std::nullopt;
        int number = 0;
        std::string listed;
        for (const std::string_view name : names) {
            if (name == *value) return number;
            listed += (number++ ? ", " : "") + std::string(name);
        }
        fail("scheme \"", text_, "\": \":", key, "=", *value, "\" is not one of ", listed);
    }

    /// `:channel=A`, `:group=G` (last axis) or `:group=G@A`; `otherwise` where there is none of them.
    granularity take_granularity(granularity otherwise = per_tensor()) {
        const std::optional<int> channel = take_integer("channel");
        const std::optional<std::string_view> group = take_value("group");
        check(!channel || !group, "scheme \"", text_, "\": \":channel\" and \":group\" exclude each other");
        if (channel) return per_channel(*channel);
        if (!group) return otherwise;
        const std::size_t at = group->find('@');
        const std::optional<int> size = integer(group->substr(0, at));
        const std::optional<int> axis = at == std::string_view::npos ? -1 : integer(group->substr(at + 1));
        check(size && axis && *size > 0, "scheme \"", text_, "\": \":group=", *group, "\" is not G or G@A with G > 0");
        return per_group(*axis, *size);
    }

    /// Errors: a suffix that no scheme took.
    void finish() const {
        for (const suffix& s : suffixes_) {
            check(s.taken, "scheme \"", text_, "\": \":", s.key, "\" does not apply to ", name_);
        }
    }

private:
    struct suffix {
        std::string_view key;
        std::optional<std::string_view> value;
        bool taken = false;
    };

    static std::optional<int> integer(std::string_view digits) {
        int number = 0;
        const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (digits.empty() || status != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
        return number;
    }

    const suffix* take(std::string_view key) {
        const suffix* found = nullptr;
        for (suffix& s : suffixes_) {
            if (s.key != key) continue;
            check(found == nullptr, "scheme \"", text_, "\": \":", key, "\" is there twice");
            s.taken = true;
            found = &s;
        }
        return found;
    }

    std::string_view text_, name_;
    std::vector<suffix> suffixes_;
};

/// The suffix of a granularity, as take_granularity reads it: "", ":channel=0", ":group=128", ":group=128@0".
inline std::string granularity_suffix(const granularity& how) {
    switch (how.kind) {
        case sharing::tensor:
            return "";
        case sharing::channel:
            return detail::concat(":channel=", how.axis);
        default:
            return how.axis == -1 ? detail::concat(":group=", how.size)
                                  : detail::concat(":group=", how.size, "@", how.axis);
    }
}

}  // namespace lowbit
