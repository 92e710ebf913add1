#include "store/catalog.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/candidates.hpp"
#include "tests/store/scratch.hpp"

namespace layerbox::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CatalogTest : public ::testing::Test {
 protected:
  ScratchDir scratch_;
  Catalog catalog_{scratch_ / "db"};

  Digest publish(const std::string& config, const std::vector<std::string>& layers,
                 const std::vector<std::string>& names) {
    catalog_.publish_image(new_image(config, layers, names));
    return sha256(config);
  }
};

TEST_F(CatalogTest, GivesBackAnImageAsItWasPublished) {
  NewImage image = new_image("config", {"a", "b"}, {"z:1", "debian:12"});
  image.image.chain = digest_of("chain");
  image.image.layers[1].below = digest_of("below");
  image.layers[1].key = image.image.layers[1];
  image.layers[0].size_bytes = ~std::uint64_t{0} >> 1;
  catalog_.publish_image(image);

  const auto row = catalog_.image(image.image.id);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->chain, image.image.chain);
  EXPECT_EQ(row->layers, image.image.layers);
  EXPECT_THAT(row->names, ElementsAre("debian:12", "z:1"));
  EXPECT_EQ(row->size_bytes, 200U);
  EXPECT_EQ(row->created, "2024-01-02T03:04:05Z");
  EXPECT_EQ(row->os, "linux");
  EXPECT_EQ(row->architecture, "amd64");
  EXPECT_EQ(catalog_.layer(image.image.layers[0]), image.layers[0]);
  EXPECT_EQ(catalog_.layer(image.image.layers[1]), image.layers[1]);
  EXPECT_FALSE(catalog_.image(digest_of("other")));
  EXPECT_FALSE(catalog_.layer(key_of("other")));
}

TEST_F(CatalogTest, ListsImagesNewestImportFirst) {
  publish("one", {}, {});
  publish("two", {}, {});
  publish("one", {}, {"late:name"});
  const auto images = catalog_.images();
  ASSERT_EQ(images.size(), 2U);
  EXPECT_EQ(images[0].id, sha256(std::string_view("two")));
  EXPECT_THAT(images[1].names, ElementsAre("late:name"));
}

TEST_F(CatalogTest, KeepsALayerThatOccursTwiceInAnImageInItsPlaces) {
  const Digest id = publish("config", {"a", "b", "a"}, {});
  EXPECT_THAT(catalog_.image(id)->layers, ElementsAre(key_of("a"), key_of("b"), key_of("a")));
  EXPECT_EQ(catalog_.layers().size(), 2U);
  EXPECT_EQ(catalog_.image_count_of_layer(key_of("a")), 1U);
}

TEST_F(CatalogTest, ReportsNamesThatMovedFromAnotherImage) {
  const Digest old = publish("old", {}, {"debian:latest", "debian:12"});
  const auto moved = catalog_.publish_image(new_image("new", {}, {"debian:latest", "fresh:1"}));
  EXPECT_THAT(moved, ElementsAre(std::pair<std::string, Digest>{"debian:latest", old}));
  EXPECT_THAT(catalog_.image(old)->names, ElementsAre("debian:12"));
  EXPECT_THAT(catalog_.publish_image(new_image("new", {}, {"debian:latest"})), IsEmpty());
}

TEST_F(CatalogTest, RefusesAnImageWhoseLayerHasNoRow) {
  NewImage image = new_image("config", {"a", "b"}, {"x:1"});
  image.layers.pop_back();
  const Error error = error_of([&] { catalog_.publish_image(image); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), HasSubstr(key_of("b").str()));
  EXPECT_FALSE(catalog_.image(image.image.id));
  EXPECT_FALSE(catalog_.layer(key_of("a"))) << "the transaction must be undone as a whole";
}

TEST_F(CatalogTest, RemovesOnlyLayersThatNothingElseUses) {
  const Digest one = publish("one", {"base", "app", "kept"}, {"one:1"});
  publish("two", {"base", "other"}, {"two:1"});
  const ImageRow seen = *catalog_.image(one);
  const auto gone = catalog_.remove_image(seen, {key_of("kept")});
  ASSERT_TRUE(gone);
  EXPECT_THAT(gone->layers, ElementsAre(key_of("app")));
  EXPECT_THAT(gone->blobs, ElementsAre(one));
  EXPECT_FALSE(catalog_.image(one));
  EXPECT_FALSE(catalog_.image_named(ImageRef::parse("one:1")));
  EXPECT_TRUE(catalog_.layer(key_of("base")));
  EXPECT_TRUE(catalog_.layer(key_of("kept")));
  EXPECT_EQ(error_of([&] { catalog_.remove_image(seen, {}); }).kind(), ErrorKind::not_found);
}

TEST_F(CatalogTest, RemovesManyImagesAtOnceAndALayerWithTheLastOfThem) {
  publish("one", {"base", "app"}, {"one:1"});
  const Digest two = publish("two", {"base", "other"}, {"two:1"});
  const Digest three = publish("three", {"base"}, {"three:1"});
  std::vector<ImageRow> seen = catalog_.images();
  catalog_.tag_image(two, ImageRef::parse("just:now"));
  const auto gone = catalog_.remove_images(seen, {});
  ASSERT_EQ(gone.size(), 3U); // the newest first
  EXPECT_THAT(gone[0]->blobs, ElementsAre(three));
  EXPECT_THAT(gone[0]->layers, IsEmpty());
  EXPECT_FALSE(gone[1]);
  EXPECT_THAT(gone[2]->layers, ElementsAre(key_of("app")));
  EXPECT_THAT(catalog_.images().front().names, ElementsAre("just:now"));
  EXPECT_THAT(catalog_.remove_images(catalog_.images(), {})[0]->layers,
              ElementsAre(key_of("base"), key_of("other")));
}

TEST_F(CatalogTest, RemovesNoneOfManyWhenOneIsGone) {
  const Digest one = publish("one", {"a"}, {"one:1"});
  publish("two", {"b"}, {"two:1"});
  const std::vector<ImageRow> seen = catalog_.images();
  catalog_.remove_image(*catalog_.image(one), {});
  EXPECT_EQ(error_of([&] { catalog_.remove_images(seen, {}); }).kind(), ErrorKind::not_found);
  EXPECT_EQ(catalog_.images().size(), 1U);
}

TEST_F(CatalogTest, ListsImagesWithTheirOwnLayersAndNames) {
  publish("one", {"a", "b"}, {});
  publish("two", {}, {"two:1", "also:1"});
  publish("three", {"b", "a", "b"}, {"three:1"});
  for (const ImageRow& image : catalog_.images()) {
    const ImageRow alone = *catalog_.image(image.id);
    EXPECT_EQ(image.layers, alone.layers);
    EXPECT_EQ(image.names, alone.names);
    EXPECT_EQ(image.chain, alone.chain);
  }
  EXPECT_EQ(catalog_.images().size(), 3U);
}

TEST_F(CatalogTest, KeepsAnImageThatWasNamedSinceItWasLookedAt) {
  const Digest one = publish("one", {"a"}, {"one:1"});
  const ImageRow seen = *catalog_.image(one);
  catalog_.tag_image(one, ImageRef::parse("just:now"));
  EXPECT_FALSE(catalog_.remove_image(seen, {}));
  EXPECT_THAT(catalog_.image(one)->names, ElementsAre("just:now"));
  EXPECT_TRUE(catalog_.layer(key_of("a")));
}

TEST_F(CatalogTest, RemovesLayersThatOutlivedTheirImageOnceNobodyKeepsThem) {
  const Digest one = publish("one", {"a", "b"}, {});
  catalog_.remove_image(*catalog_.image(one), {key_of("a"), key_of("b")});
  EXPECT_THAT(catalog_.remove_unused_layers({key_of("b")}), ElementsAre(key_of("a")));
  EXPECT_THAT(catalog_.remove_unused_layers({}), ElementsAre(key_of("b")));
  EXPECT_THAT(catalog_.layers(), IsEmpty());
}

TEST_F(CatalogTest, FindsLayersByDiffIdAndBySourceSize) {
  NewImage image = new_image("config", {"a", "b"}, {});
  image.image.layers[1] = {key_of("a").diff_id, digest_of("chain")};
  image.layers[1].key = image.image.layers[1];
  image.layers[1].source_bytes = 77;
  catalog_.publish_image(image);
  EXPECT_EQ(catalog_.layers_with_diff_id(key_of("a").diff_id).size(), 2U);
  EXPECT_THAT(catalog_.layers_with_source_bytes(77), ElementsAre(image.layers[1]));
  EXPECT_THAT(catalog_.layers_with_source_bytes(78), IsEmpty());
}

TEST_F(CatalogTest, MovesAndRemovesNames) {
  const Digest one = publish("one", {}, {"a:1"});
  const Digest two = publish("two", {}, {});
  catalog_.tag_image(two, ImageRef::parse("a:1"));
  EXPECT_EQ(catalog_.image_named(ImageRef::parse("a:1")), two);
  EXPECT_THAT(catalog_.image(one)->names, IsEmpty());
  catalog_.untag_image(ImageRef::parse("a:1"));
  EXPECT_FALSE(catalog_.image_named(ImageRef::parse("a:1")));
  EXPECT_EQ(error_of([&] { catalog_.untag_image(ImageRef::parse("a:1")); }).kind(),
            ErrorKind::not_found);
  EXPECT_EQ(error_of([&] { catalog_.tag_image(digest_of("none"), ImageRef::parse("b")); }).kind(),
            ErrorKind::not_found);
  EXPECT_EQ(error_of([&] { catalog_.tag_image(one, ImageRef::parse("b@" + one.str())); }).kind(),
            ErrorKind::invalid_argument);
}

TEST_F(CatalogTest, ResolvesNamesIdsAndPrefixes) {
  const Digest id = publish("config", {}, {"debian:12", "debian:latest"});
  for (const std::string& text :
       {std::string("debian"), std::string("debian:12"), std::string("docker.io/library/debian:12"),
        id.str(), id.hex(), id.hex().substr(0, 4), "sha256:" + id.hex().substr(0, 12),
        "debian@" + id.str(), "debian:12@" + id.str()})
    EXPECT_EQ(catalog_.resolve_image(text), id) << text;
}

TEST_F(CatalogTest, PrefersANameToAPrefix) {
  const Digest first = publish("config", {}, {});
  const Digest second = publish("other", {}, {first.hex().substr(0, 6) + ":latest"});
  EXPECT_EQ(catalog_.resolve_image(first.hex().substr(0, 6)), second);
  EXPECT_EQ(catalog_.resolve_image(first.hex().substr(0, 7)), first);
}

TEST_F(CatalogTest, NeedsFourDigitsOfAnId) {
  const Digest id = publish("config", {}, {});
  EXPECT_EQ(error_of([&] { catalog_.resolve_image(id.hex().substr(0, 3)); }).kind(),
            ErrorKind::not_found);
}

TEST_F(CatalogTest, ListsTheCandidatesOfAnAmbiguousPrefix) {
  // Among the digests of this many texts, some share their first four digits.
  std::vector<std::string> configs;
  for (int i = 0; i < 1'000; ++i)
    configs.push_back("config " + std::to_string(i));
  std::map<std::string, std::vector<std::string>> by_prefix;
  for (const auto& config : configs)
    by_prefix[sha256(config).hex().substr(0, 4)].push_back(config);
  const auto pair = std::find_if(by_prefix.begin(), by_prefix.end(),
                                 [](const auto& entry) { return entry.second.size() > 1; });
  ASSERT_NE(pair, by_prefix.end());
  const Digest one = publish(pair->second[0], {}, {"one:1"});
  const Digest two = publish(pair->second[1], {}, {});
  const Error error = error_of([&] { catalog_.resolve_image(pair->first); });
  EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
  EXPECT_THAT(error.what(), HasSubstr("ambiguous"));
  EXPECT_THAT(error.hint(), HasSubstr("'" + one.hex().substr(0, 12) + " (one:1)'"));
  EXPECT_THAT(error.hint(), HasSubstr("'" + two.hex().substr(0, 12) + "'"));
}

TEST_F(CatalogTest, SuggestsTheNearestNamesForAnUnknownOne) {
  publish("a", {}, {"debian:12", "debian:11", "alpine:3"});
  const auto hint = [&](const char* text) {
    const Error error = error_of([&] { catalog_.resolve_image(text); });
    EXPECT_EQ(error.kind(), ErrorKind::not_found) << text;
    EXPECT_THAT(error.what(), HasSubstr(text));
    return error.hint();
  };
  EXPECT_EQ(hint("debian:13"), "did you mean 'debian:11' or 'debian:12'?");
  EXPECT_EQ(hint("debain:12"), "did you mean 'debian:12' or 'debian:11'?");
  EXPECT_EQ(hint("alpin"), "did you mean 'alpine:3'?");
  EXPECT_EQ(hint("something/else"), "");
}

TEST_F(CatalogTest, SaysThatAnEmptyStoreHasNothing) {
  const Error error = error_of([&] { catalog_.resolve_image("debian"); });
  EXPECT_STREQ(error.what(), "image 'debian' is not in the store");
  EXPECT_EQ(error.hint(), "");
}

TEST_F(CatalogTest, SaysWhichRuleAMalformedReferenceBreaks) {
  EXPECT_EQ(error_of([&] { catalog_.resolve_image("De bian"); }).kind(),
            ErrorKind::invalid_argument);
}

TEST_F(CatalogTest, KeepsNamesOfOtherRepositoriesOutOfDigestReferences) {
  const Digest id = publish("config", {}, {"debian:12"});
  EXPECT_EQ(error_of([&] { catalog_.resolve_image("alpine@" + id.str()); }).kind(),
            ErrorKind::not_found);
}

TEST_F(CatalogTest, KeepsContainersAndFindsThem) {
  ContainerRow row;
  row.id = digest_of("c1").hex();
  row.name = "web";
  row.image = digest_of("image");
  row.backend = "overlay";
  row.created = 5;
  catalog_.insert_container(row);
  ContainerRow nameless = row;
  nameless.id = digest_of("c2").hex();
  nameless.name = "";
  nameless.image = std::nullopt;
  catalog_.insert_container(nameless);

  for (const std::string& text : {row.id, std::string("web"), row.id.substr(0, 4)})
    EXPECT_EQ(catalog_.resolve_container(text).id, row.id) << text;
  EXPECT_FALSE(catalog_.resolve_container(nameless.id).image);
  EXPECT_EQ(catalog_.resolve_container("web").image, row.image);

  ContainerRow taken = nameless;
  taken.id = digest_of("c3").hex();
  taken.name = "web";
  const Error error = error_of([&] { catalog_.insert_container(taken); });
  EXPECT_EQ(error.kind(), ErrorKind::already_exists);
  EXPECT_THAT(error.what(), HasSubstr(row.id.substr(0, 12)));

  const Error unknown = error_of([&] { (void)catalog_.resolve_container("wep"); });
  EXPECT_EQ(unknown.kind(), ErrorKind::not_found);
  EXPECT_EQ(unknown.hint(), "did you mean 'web'?");
  catalog_.remove_container(row.id);
  catalog_.remove_container(row.id);
  EXPECT_EQ(catalog_.containers().size(), 1U);
}

TEST_F(CatalogTest, TakesHostileTextAsText) {
  const std::string evil = "x'); DROP TABLE image; --";
  publish("config", {}, {"a:1"});
  EXPECT_EQ(error_of([&] { catalog_.resolve_image(evil); }).kind(), ErrorKind::invalid_argument);
  EXPECT_EQ(error_of([&] { (void)catalog_.resolve_container(evil); }).kind(), ErrorKind::not_found);
  EXPECT_EQ(catalog_.images().size(), 1U);
}

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("abc", "abc"), 0U);
  EXPECT_EQ(edit_distance("abc", "acb"), 1U);
  EXPECT_EQ(edit_distance("abc", "abd"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Nearest, GivesNoMoreThanAsked) {
  EXPECT_THAT(nearest("a", {"a1", "a2", "a3"}, 2), ElementsAre("a1", "a2"));
}

} // namespace
} // namespace layerbox::test
