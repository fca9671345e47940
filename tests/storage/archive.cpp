// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/archive.hpp>

#include <lowbit/storage/mapped_file.hpp>

#include <tests/support/temporary_file.hpp>

#include <catch2/catch.hpp>

#include <random>

using namespace lowbit;
using Catch::Matchers::Contains;

namespace {

/// Nine in ten are zero, as after pruning.
tensor<float> pruned(const tensor_shape& shape, unsigned seed = 1) {
    std::mt19937 random(seed);
    tensor<float> x(shape);
    for (float& value : x) value = random() % 10 ? 0.0f : std::normal_distribution<float>()(random);
    return x;
}

const char* const schemes[] = {"int8",
                               "uint5:group=7:asymmetric",
                               "int16:channel=0",
                               "kmeans4",
                               "kmeans3:channel=0",
                               "vsq4s4v16",
                               "mx6",
                               "msfp12",
                               "mxfp6e2m3",
                               "nvfp4",
                               "nf4:double",
                               "q4_k",
                               "int13",
                               "vkmeans6:d=2:seed=18446744073709551615",
                               "vkmeans9:iterations=3",
                               "table:levels=bf800000bf400000bf000000be8000003e0000003e8000003ec000003f000000"
                               "3f2000003f4000003f6000003f8000003fa000003fc000003fe0000040000000:block=32"};

archive_writer sample(coding how) {
    archive_writer writer;
    for (const char* text : schemes) writer.add(text, quantize(pruned({8, 256}), parse_scheme(text)), how);
    writer.add("bias", pruned({5}).view());
    writer.add("empty", quantize(tensor<float>({0, 3}), affine{}), how);
    writer.add("nothing", tensor<float>({0}).view());
    return writer;
}

std::size_t aligned(std::size_t n) { return (n + 63) / 64 * 64; }

}  // namespace

TEST_CASE("archive: every tensor comes back bit for bit, in every coding") {
    const coding how = GENERATE(coding::raw, coding::huffman, coding::sparse, coding::smallest);
    const std::vector<std::byte> file = sample(how).bytes();
    const archive read(file);
    REQUIRE(read.entries().size() == std::size(schemes) + 3);
    for (const char* text : schemes) {
        CAPTURE(text);
        const any_quantized q = quantize(pruned({8, 256}), parse_scheme(text));
        CHECK(read.read(text) == q);
        CHECK(read.find(text).scheme == text);
        if (how == coding::raw) CHECK(read.find(text).stored_bytes() == static_cast<std::uint64_t>(q.bytes()));
        if (how == coding::smallest) CHECK(read.find(text).stored_bytes() <= static_cast<std::uint64_t>(q.bytes()));
        CHECK(read.read_float(text) == dequantize(q));
    }
    CHECK(read.read_float("bias") == pruned({5}));
    CHECK(read.read_float("empty").shape() == tensor_shape{0, 3});
    CHECK(read.read_float("nothing").size() == 0);
    CHECK(read.read_as<kmeans_tensor>("kmeans4").scheme() == kmeans{});
    CHECK_THROWS_WITH(read.read_as<kmeans_tensor>("int8"), Contains("stored as int8"));
    CHECK_THROWS_WITH(read.read("bias"), Contains("read_float"));
    CHECK_THROWS_WITH(read.read("weights"), Contains("no tensor"));
    if (how == coding::sparse) CHECK_THROWS_WITH(read.mapped_codes("int8"), Contains("entropy-coded"));
}

TEST_CASE("archive: as large as bytes() says but for header and alignment; codes lie where they can be used") {
    const kmeans_tensor q = quantize(pruned({64, 64}), kmeans{.bits = 4});
    archive_writer writer;
    writer.add("w", q);
    const std::vector<std::byte> file = writer.bytes();
    CHECK(file.size() == aligned(32 + 2 + 1 + 2 + 7 + 1 + 16 + 1 + 2 * 29) + aligned(64 * 64 / 2) + 4 * 16);
    const archive read(file);
    const auto codes = read.mapped_codes("w");
    CHECK((codes.data() - file.data()) % 64 == 0);
    const auto packed = std::as_bytes(q.packed().bytes());
    CHECK(std::equal(codes.begin(), codes.end(), packed.begin(), packed.end()));

    archive_writer coded;
    coded.add("w", q, coding::smallest);
    CHECK(coded.bytes().size() < file.size() / 2);  // a tenth of the codes is not 0
}

TEST_CASE("archive: a file, mapped") {
    const temporary_file temporary;
    const std::string& path = temporary.path();
    sample(coding::smallest).write(path);
    const mapped_file file(path);
    CHECK(archive(file.bytes()).read("kmeans4") == quantize(pruned({8, 256}), parse_scheme("kmeans4")));
}

TEST_CASE("archive: names") {
    archive_writer writer;
    writer.add("a", pruned({1}).view());
    CHECK_THROWS_WITH(writer.add("a", pruned({1}).view()), Contains("there already"));
    CHECK_THROWS_WITH(writer.add(std::string(65536, 'x'), pruned({1}).view()), Contains("65535"));
}

TEST_CASE("archive: every flipped bit and every cut is noticed") {
    archive_writer writer;
    writer.add("kmeans", quantize(pruned({3, 50}), kmeans{.bits = 3}), coding::sparse);
    writer.add("int4", quantize(pruned({3, 50}), affine{.bits = 4, .granularity = per_channel(0)}), coding::huffman);
    writer.add("plain", pruned({7}).view());
    const std::vector<std::byte> file = writer.bytes();
    const auto read_all = [](std::span<const std::byte> bytes) {
        const archive read(bytes);
        for (const auto& e : read.entries()) read.read_float(e.name);
    };
    read_all(file);
    for (std::size_t size = 0; size < file.size(); ++size) {
        const std::vector<std::byte> cut(file.begin(), file.begin() + std::ptrdiff_t(size));
        REQUIRE_THROWS_AS(read_all(cut), error);
    }
    for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
        std::vector<std::byte> flipped = file;
        flipped[bit / 8] ^= std::byte(1 << bit % 8);
        REQUIRE_THROWS_AS(read_all(flipped), error);
    }
    std::vector<std::byte> longer = file;
    longer.push_back({});
    CHECK_THROWS_WITH(read_all(longer), Contains("1 bytes after the last section"));
    CHECK_THROWS_WITH(read_all(std::span(file).first(20)), Contains("needs 32 bytes, but 20 are left"));
}

TEST_CASE("archive: hostile files with right checksums are refused") {
    archive_writer writer;
    writer.add("k", quantize(pruned({3, 50}), kmeans{.bits = 3}), coding::huffman);
    writer.add("p", pruned({7}).view());
    const std::vector<std::byte> file = writer.bytes();
    std::mt19937 random(7);
    int refused = 0;
    const std::size_t index = 122;
    for (int round = 0; round < 20000; ++round) {
        std::vector<std::byte> broken = file;
        for (auto changes = 1 + random() % 3; changes-- > 0;) {
            const std::size_t at = random() % 3 ? 32 + random() % index : random() % broken.size();
            broken[at] = random() % 2 ? std::byte(random() % 256) : broken[at] ^ std::byte(1 << random() % 8);
        }
        const auto size =
            std::min<std::uint64_t>(detail::load_bytes<std::uint64_t>(broken.data() + 16), broken.size() - 32);
        detail::store_bytes(crc32c(std::span(broken).subspan(32, size)), broken.data() + 24);
        detail::store_bytes(crc32c(std::span(broken).first(28)), broken.data() + 28);
        try {
            const archive read(broken);
            for (const auto& e : read.entries()) read.read_float(e.name);
        } catch (const error&) {
            ++refused;
        }
    }
    CHECK(refused > 15000);
}

TEST_CASE("archive: wide codes are coded in halves") {
    // 16 bits for values of which few are large: the upper halves are nearly always the same.
    std::mt19937 random(5);
    tensor<float> x({64, 256});
    for (float& value : x) value = std::normal_distribution<float>()(random);
    x[7] = 300;
    const affine_tensor q = quantize(x, affine{.bits = 16});
    for (const coding how : {coding::huffman, coding::sparse}) {
        archive_writer writer;
        writer.add("w", q, how);
        std::vector<std::byte> file = writer.bytes();
        CHECK(archive(file).read_as<affine_tensor>("w") == q);
        if (how == coding::huffman)
            CHECK(4 * archive(file).entries()[0].stored_bytes() < 3 * static_cast<std::uint64_t>(q.bytes()));
        // A first half that leaves the section.
        const auto codes = archive(file).entries()[0].sections[0];
        const auto at = static_cast<std::size_t>(codes.offset);
        std::vector<std::byte> section(file.begin() + std::ptrdiff_t(at),
                                       file.begin() + std::ptrdiff_t(at + codes.stored));
        section[7] = std::byte{1};
        std::vector<std::byte> raw(codes.decoded);
        CHECK_THROWS_WITH(detail::decode_codes<std::uint16_t>(
                              section, detail::code_symbols(16, q.shape().size(), raw.size()), how, raw),
                          Contains("archive halves: at byte 8"));
    }
}
