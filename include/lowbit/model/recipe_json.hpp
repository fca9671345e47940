// SPDX-License-Identifier: Apache-2.0
/// @file
/// Recipes as JSON, for tools; optional: the one header that needs nlohmann-json, and not a part of lowbit.hpp.
///
///     {"weights": "int4:channel=0", "activations": "int8:asymmetric:clip=mse", "weight_rounding": "gptq",
///      "equalize": true, "layers": {"conv1": {"weights": "int8", "activation_params": [0.5, -3]}}}
///
/// What is left out keeps its default; a key that means nothing is refused by name.
#pragma once

#include <lowbit/model/recipe.hpp>

#include <nlohmann/json.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lowbit {

namespace detail {

inline constexpr std::string_view rounding_names[] = {"nearest", "gptq", "adaround"};
inline constexpr std::string_view fit_names[] = {"scheme", "awq", "hqq"};
inline constexpr std::string_view requant_names[] = {"single", "tflite_double"};

template <class Enum, std::size_t N>
Enum named(const nlohmann::json& value, const std::string_view (&names)[N], std::string_view key) {
    check(value.is_string(), "recipe: \"", key, "\" should be a string");
    const auto& text = value.get_ref<const std::string&>();
    for (std::size_t i = 0; i < N; ++i)
        if (text == names[i]) return static_cast<Enum>(i);
    fail("recipe: \"", key, "\" cannot be \"", text, "\"");
}

inline bool json_bool(const nlohmann::json& value, std::string_view key) {
    check(value.is_boolean(), "recipe: \"", key, "\" should be true or false");
    return value.get<bool>();
}

inline any_scheme json_scheme(const nlohmann::json& value, std::string_view key) {
    check(value.is_string(), "recipe: \"", key, "\" should be a scheme string");
    return parse_scheme(value.get_ref<const std::string&>());
}

inline affine json_affine(const nlohmann::json& value, std::string_view key) {
    const any_scheme scheme = json_scheme(value, key);
    const affine* found = std::get_if<affine>(&scheme.value());
    check(found != nullptr, "recipe: \"", key, "\" should be intN or uintN, not ", to_string(scheme));
    return *found;
}

inline affine_params json_params(const nlohmann::json& value, std::string_view key) {
    check(value.is_array() && value.size() == 2 && value[0].is_number() && value[1].is_number_integer(), "recipe: \"",
          key, "\" should be [scale, zero point]");
    return {value[0].get<float>(), value[1].get<std::int32_t>()};
}

inline nlohmann::json params_json(const affine_params& p) { return {p.scale, p.zero_point}; }

/// Calls f(key, value) for each; f says whether it knows the key.
template <class Function>
void for_each_key(const nlohmann::json& object, std::string_view what, Function&& f) {
    check(object.is_object(), "recipe: ", what, " should be an object");
    for (const auto& [key, value] : object.items()) check(f(key, value), "recipe: ", what, " has no key \"", key, "\"");
}

}  // namespace detail

inline void to_json(nlohmann::json& j, const layer_recipe& r) {
    j = nlohmann::json::object();
    if (r.weights) j["weights"] = to_string(*r.weights);
    if (r.activations) j["activations"] = to_string(*r.activations);
    for (const affine_params& p : r.weight_params) j["weight_params"].push_back(detail::params_json(p));
    if (r.activation_params) j["activation_params"] = detail::params_json(*r.activation_params);
    if (r.weight_fit) j["weight_fit"] = detail::fit_names[static_cast<std::size_t>(*r.weight_fit)];
    if (r.weight_rounding) j["weight_rounding"] = detail::rounding_names[static_cast<std::size_t>(*r.weight_rounding)];
    if (r.rotate) j["rotate"] = *r.rotate;
}

/// Errors: an unknown key, a value of the wrong kind, a scheme string that is none.
inline void from_json(const nlohmann::json& j, layer_recipe& r) {
    r = {};
    detail::for_each_key(j, "a layer", [&](const std::string& key, const nlohmann::json& value) {
        if (key == "weights") {
            r.weights = detail::json_scheme(value, key);
        } else if (key == "activations") {
            r.activations = detail::json_affine(value, key);
        } else if (key == "weight_params") {
            check(value.is_array(), "recipe: \"weight_params\" should be an array");
            for (const auto& pair : value) r.weight_params.push_back(detail::json_params(pair, key));
        } else if (key == "activation_params") {
            r.activation_params = detail::json_params(value, key);
        } else if (key == "weight_fit") {
            r.weight_fit = detail::named<weight_fit>(value, detail::fit_names, key);
        } else if (key == "weight_rounding") {
            r.weight_rounding = detail::named<weight_rounding>(value, detail::rounding_names, key);
        } else if (key == "rotate") {
            r.rotate = detail::json_bool(value, key);
        } else {
            return false;
        }
        return true;
    });
}

inline void to_json(nlohmann::json& j, const recipe& r) {
    j = {{"weights", to_string(r.weights)},
         {"activations", to_string(r.activations)},
         {"first_and_last_at_8_bits", r.first_and_last_at_8_bits},
         {"equalize", r.equalize},
         {"awq", r.awq},
         {"rotate", r.rotate},
         {"weight_fit", detail::fit_names[static_cast<std::size_t>(r.weight_fit)]},
         {"weight_rounding", detail::rounding_names[static_cast<std::size_t>(r.weight_rounding)]},
         {"bias_correction", r.bias_correction},
         {"rounding", detail::requant_names[static_cast<std::size_t>(r.rounding)]},
         {"layers", nlohmann::json::object()}};
    if (r.smoothquant) j["smoothquant"] = *r.smoothquant;
    for (const auto& [name, layer] : r.layers) j["layers"][name] = layer;
}

/// Errors: as for a layer.
inline void from_json(const nlohmann::json& j, recipe& r) {
    r = {};
    detail::for_each_key(j, "the recipe", [&](const std::string& key, const nlohmann::json& value) {
        if (key == "weights") {
            r.weights = detail::json_scheme(value, key);
        } else if (key == "activations") {
            r.activations = detail::json_affine(value, key);
        } else if (key == "first_and_last_at_8_bits") {
            r.first_and_last_at_8_bits = detail::json_bool(value, key);
        } else if (key == "equalize") {
            r.equalize = detail::json_bool(value, key);
        } else if (key == "smoothquant") {
            check(value.is_number(), "recipe: \"smoothquant\" should be a number, its alpha");
            r.smoothquant = value.get<double>();
        } else if (key == "awq") {
            r.awq = detail::json_bool(value, key);
        } else if (key == "rotate") {
            r.rotate = detail::json_bool(value, key);
        } else if (key == "weight_fit") {
            r.weight_fit = detail::named<weight_fit>(value, detail::fit_names, key);
        } else if (key == "weight_rounding") {
            r.weight_rounding = detail::named<weight_rounding>(value, detail::rounding_names, key);
        } else if (key == "bias_correction") {
            r.bias_correction = detail::json_bool(value, key);
        } else if (key == "rounding") {
            r.rounding = detail::named<requant_rounding>(value, detail::requant_names, key);
        } else if (key == "layers") {
            check(value.is_object(), "recipe: \"layers\" should be an object");
            for (const auto& [name, layer] : value.items()) from_json(layer, r.layers[name]);
        } else {
            return false;
        }
        return true;
    });
}

}  // namespace lowbit
