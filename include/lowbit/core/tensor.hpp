// SPDX-License-Identifier: Apache-2.0
/// @file
/// Dense row-major N-d data: `tensor_view` borrows it, `tensor` owns it (64-byte aligned). Up to six axes.
///
/// Nothing here computes: a tensor is a pointer and a shape, and the last axis is contiguous.
#pragma once

#include <lowbit/core/error.hpp>
#include <lowbit/core/numeric.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace lowbit {

/// The extents of a tensor, outermost axis first. Rank 0 is a scalar of size 1.
class tensor_shape {
public:
    static constexpr int max_rank = 6;

    constexpr tensor_shape() = default;
    tensor_shape(std::initializer_list<std::ptrdiff_t> extents)  // NOLINT(google-explicit-constructor): written {r, c}
        : tensor_shape(std::span(extents.begin(), extents.size())) {}

    /// Errors: more than six axes, a negative extent, a product past std::ptrdiff_t.
    explicit tensor_shape(std::span<const std::ptrdiff_t> extents) {
        check(extents.size() <= max_rank, "tensor_shape: ", extents.size(), " axes; at most 6 are supported");
        for (const std::ptrdiff_t extent : extents) {
            check(extent >= 0, "tensor_shape: axis ", rank_, " has the negative extent ", extent);
            extents_[static_cast<std::size_t>(rank_++)] = extent;
            size_ = checked_multiply(size_, extent, "tensor_shape: number of elements");
        }
    }

    int rank() const { return rank_; }
    /// Number of elements: the product of the extents.
    std::ptrdiff_t size() const { return size_; }
    std::ptrdiff_t operator[](int axis) const {
        LOWBIT_ASSERT(axis >= 0 && axis < rank_);
        return extents_[static_cast<std::size_t>(axis)];
    }
    const std::ptrdiff_t* begin() const { return extents_.data(); }
    const std::ptrdiff_t* end() const { return extents_.data() + rank_; }

    /// Product of the extents of the axes [first, last).
    std::ptrdiff_t size_between(int first, int last) const {
        std::ptrdiff_t product = 1;
        for (int axis = first; axis < last; ++axis) product *= (*this)[axis];
        return product;
    }

    /// The axis as 0 … rank−1; −1 is the last. Errors: no such axis.
    int checked_axis(int axis) const {
        check(axis >= -rank_ && axis < rank_, "axis ", axis, " does not exist in a tensor of ", rank_, " axes");
        return axis < 0 ? axis + rank_ : axis;
    }

    bool operator==(const tensor_shape&) const = default;

private:
    std::array<std::ptrdiff_t, max_rank> extents_{};
    int rank_ = 0;
    std::ptrdiff_t size_ = 1;
};

/// "[2, 3, 4]".
inline std::string to_string(const tensor_shape& shape) {
    std::string text = "[";
    for (int axis = 0; axis < shape.rank(); ++axis) detail::concat(text, axis ? ", " : "", shape[axis]).swap(text);
    return text + "]";
}

namespace detail {

/// What views and tensors share: flat and N-d access to row-major data.
template <class T, class Self>
class dense_access {
public:
    std::ptrdiff_t size() const { return self().shape().size(); }
    int rank() const { return self().shape().rank(); }
    bool empty() const { return size() == 0; }
    bool operator==(const dense_access&) const = default;

protected:
    template <class... Indices>
    std::ptrdiff_t flat(Indices... indices) const {
        LOWBIT_ASSERT(int(sizeof...(Indices)) == rank());
        std::ptrdiff_t offset = 0;
        int axis = 0;
        ((offset = offset * self().shape()[axis++] + static_cast<std::ptrdiff_t>(indices)), ...);
        return offset;
    }

private:
    const Self& self() const { return static_cast<const Self&>(*this); }
};

}  // namespace detail

/// Borrowed dense row-major data. T may be const. Copying copies the pointer.
template <class T>
class tensor_view : public detail::dense_access<T, tensor_view<T>> {
public:
    using value_type = std::remove_const_t<T>;

    tensor_view() : shape_{0} {}
    /// Errors: a null pointer with a shape that has elements.
    tensor_view(T* data, const tensor_shape& shape) : data_(data), shape_(shape) {
        check(data != nullptr || shape.size() == 0, "tensor_view: null pointer for the shape ", to_string(shape));
    }
    template <std::same_as<value_type> U>
        requires(std::is_const_v<T>)
    tensor_view(const tensor_view<U>& other)  // NOLINT(google-explicit-constructor): T to const T
        : data_(other.data()), shape_(other.shape()) {}

    T* data() const { return data_; }
    const tensor_shape& shape() const { return shape_; }
    T* begin() const { return data_; }
    T* end() const { return data_ + this->size(); }
    T& operator[](std::ptrdiff_t i) const { return data_[i]; }
    template <std::integral... Indices>
    T& operator()(Indices... indices) const {
        return data_[this->flat(indices...)];
    }
    std::span<T> span() const { return {data_, static_cast<std::size_t>(this->size())}; }

    /// The same elements under another shape. Errors: a different number of elements.
    tensor_view reshaped(const tensor_shape& shape) const {
        check(shape.size() == this->size(), "reshape: ", to_string(shape_), " has ", this->size(), " elements, ",
              to_string(shape), " has ", shape.size());
        return {data_, shape};
    }

private:
    T* data_ = nullptr;
    tensor_shape shape_;
};

namespace detail {

/// 64-byte aligned storage: one cache line, one AVX-512 register. On Linux, blocks of some megabytes are mappings of
/// their own that ask for huge pages: weights that are read once a run lie past the caches, and so, with pages of 4 KB,
/// do their translations. (Memory that was in use before would keep its small pages.)
template <class T>
struct aligned_allocator {
    using value_type = T;
    static constexpr std::align_val_t alignment{64};
    static constexpr std::size_t huge_page = std::size_t{1} << 21;

    aligned_allocator() = default;
    template <class U>
    aligned_allocator(const aligned_allocator<U>&) {}  // NOLINT(google-explicit-constructor): allocator rebinding

    T* allocate(std::size_t n) {
#if defined(MADV_HUGEPAGE)
        if (n >= 2 * huge_page / sizeof(T)) return static_cast<T*>(map(n * sizeof(T)));
#endif
        return static_cast<T*>(::operator new(n * sizeof(T), alignment));
    }
    void deallocate(T* pointer, std::size_t n) {
#if defined(MADV_HUGEPAGE)
        if (n >= 2 * huge_page / sizeof(T)) return (void)::munmap(pointer, pages(n * sizeof(T)));
#endif
        ::operator delete(pointer, alignment);
    }
    bool operator==(const aligned_allocator&) const = default;

#if defined(MADV_HUGEPAGE)
private:
    static constexpr std::size_t pages(std::size_t bytes) { return (bytes + huge_page - 1) / huge_page * huge_page; }

    static void* map(std::size_t bytes) {
        const std::size_t room = pages(bytes) + huge_page;
        void* const all = ::mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(all != MAP_FAILED, "aligned_vector: the system has no ", bytes, " bytes left");
        auto* const first = static_cast<std::byte*>(all);
        const std::size_t head = -reinterpret_cast<std::uintptr_t>(first) % huge_page;
        if (head > 0) ::munmap(first, head);
        ::munmap(first + head + pages(bytes), huge_page - head);
        (void)::madvise(first + head, bytes, MADV_HUGEPAGE);  // a wish
        return first + head;
    }
#endif
};

}  // namespace detail

/// std::vector with 64-byte alignment.
template <class T>
using aligned_vector = std::vector<T, detail::aligned_allocator<T>>;

namespace detail {

/// Numbers stay what the memory held until someone writes them: resize() touches nothing, so that threads may each
/// touch their share first.
template <class T>
struct uninitialized_allocator : aligned_allocator<T> {
    template <class U>
    struct rebind {
        using other = uninitialized_allocator<U>;
    };

    template <class U>
    void construct(U* pointer) {
        ::new (static_cast<void*>(pointer)) U;
    }
    template <class U, class... Arguments>
    void construct(U* pointer, Arguments&&... arguments) {
        ::new (static_cast<void*>(pointer)) U(std::forward<Arguments>(arguments)...);
    }
};

/// std::vector whose new elements have no value yet.
template <class T>
using uninitialized_vector = std::vector<T, uninitialized_allocator<T>>;

}  // namespace detail

/// Owned dense row-major data: a value, zero-initialized.
template <class T>
class tensor : public detail::dense_access<T, tensor<T>> {
    static_assert(!std::is_const_v<T> && !std::is_same_v<T, bool>, "tensor: T is a plain, non-const, non-bool type");

public:
    using value_type = T;

    tensor() : shape_{0} {}
    explicit tensor(const tensor_shape& shape, T value = T{})
        : shape_(shape), data_(static_cast<std::size_t>(shape.size()), value) {}
    /// Copies row-major values. Errors: a count that is not the shape's.
    tensor(const tensor_shape& shape, std::span<const T> values) : shape_(shape), data_(values.begin(), values.end()) {
        check(shape.size() == static_cast<std::ptrdiff_t>(values.size()), "tensor: ", values.size(),
              " values for the shape ", to_string(shape));
    }
    explicit tensor(tensor_view<const T> values) : tensor(values.shape(), values.span()) {}

    T* data() { return data_.data(); }
    const T* data() const { return data_.data(); }
    const tensor_shape& shape() const { return shape_; }
    T* begin() { return data(); }
    T* end() { return data() + this->size(); }
    const T* begin() const { return data(); }
    const T* end() const { return data() + this->size(); }
    T& operator[](std::ptrdiff_t i) { return data()[i]; }
    const T& operator[](std::ptrdiff_t i) const { return data()[i]; }
    template <std::integral... Indices>
    T& operator()(Indices... indices) {
        return data()[this->flat(indices...)];
    }
    template <std::integral... Indices>
    const T& operator()(Indices... indices) const {
        return data()[this->flat(indices...)];
    }
    std::span<T> span() { return data_; }
    std::span<const T> span() const { return data_; }

    tensor_view<T> view() { return {data(), shape_}; }
    tensor_view<const T> view() const { return {data(), shape_}; }
    operator tensor_view<T>() { return view(); }              // NOLINT(google-explicit-constructor): borrow
    operator tensor_view<const T>() const { return view(); }  // NOLINT(google-explicit-constructor): borrow

    /// The same elements under another shape, in place. Errors: a different number of elements.
    void reshape(const tensor_shape& shape) { shape_ = view().reshaped(shape).shape(); }

    /// Equal shape and equal elements.
    bool operator==(const tensor&) const = default;

private:
    tensor_shape shape_;
    aligned_vector<T> data_;
};

}  // namespace lowbit
