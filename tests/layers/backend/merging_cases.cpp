// How layers hide each other: whiteouts, opaque directories, changes of type.
#include "tests/layers/backend/conformance.hpp"

namespace layerbox::test {

namespace {

void base_tree(ChainBuilder& chain) {
  chain.layer()
      .file("d/a", "a below")
      .file("d/b", "b below")
      .file("d/sub/c", "c below")
      .file("f", "f below")
      .symlink("l", "d/a")
      .finish();
}

} // namespace

std::vector<ConformanceCase> merging_cases() {
  using enum Needs;
  const auto base = base_tree;
  return {
      {"OneLayerIsSeenAsItIs", nothing, base, "d/\nd/a\nd/b\nd/sub/\nd/sub/c\nf\nl@\n"},
      {"NoLayersAreAnEmptyTree", nothing, [](ChainBuilder&) {}, ""},
      {"AnEmptyLayerChangesNothing", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().finish();
       },
       "d/\nd/a\nd/b\nd/sub/\nd/sub/c\nf\nl@\n"},
      {"AFileIsReplaced", nothing,
       [](ChainBuilder& c) {
         c.layer().file("f", "below").finish();
         c.layer().file("f", "above, and longer").finish();
       },
       "f\n"},
      {"WhiteoutHidesAFile", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().whiteout("d/a").whiteout("f").finish();
       },
       "d/\nd/b\nd/sub/\nd/sub/c\nl@\n"},
      {"WhiteoutHidesASymlinkNotItsTarget", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().whiteout("l").finish();
       },
       "d/\nd/a\nd/b\nd/sub/\nd/sub/c\nf\n"},
      {"WhiteoutHidesADirectory", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().whiteout("d").finish();
       },
       "f\nl@\n"},
      {"WhiteoutOfAMissingNameHidesNothing", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().whiteout("nothing").whiteout("d/nothing").finish();
       },
       "d/\nd/a\nd/b\nd/sub/\nd/sub/c\nf\nl@\n"},
      {"WhiteoutInADirectoryThatIsNowhereElse", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().whiteout("new/nothing").file("new/x", "x").finish();
       },
       "d/\nd/a\nd/b\nd/sub/\nd/sub/c\nf\nl@\nnew/\nnew/x\n"},
      {"WhiteoutInAnOpaqueDirectory", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().opaque("d").whiteout("d/a").whiteout("d/nothing").file("d/x", "x").finish();
       },
       "d/\nd/x\nf\nl@\n"},
      {"WhiteoutInTheBottomLayer", nothing,
       [](ChainBuilder& c) { c.layer().whiteout("w").whiteout("d/w").file("d/x", "x").finish(); },
       "d/\nd/x\n"},
      {"WhiteoutHidesAllLayersBelow", nothing,
       [](ChainBuilder& c) {
         c.layer().file("d/1", "1").finish();
         c.layer().file("d/2", "2").finish();
         c.layer().whiteout("d").file("k", "k").finish();
       },
       "k\n"},
      {"AWhiteoutIsUndoneByALaterLayer", nothing,
       [](ChainBuilder& c) {
         c.layer().file("f", "first").finish();
         c.layer().whiteout("f").finish();
         c.layer().file("f", "third").finish();
       },
       "f\n"},
      {"ADirectoryMadeAgainAfterItsWhiteoutIsNew", nothing,
       [](ChainBuilder& c) {
         c.layer().file("d/old", "old").finish();
         c.layer().whiteout("d").finish();
         c.layer().file("d/new", "new").finish();
       },
       "d/\nd/new\n"},
      {"OpaqueHidesWhatIsBelow", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().opaque("d").finish();
       },
       "d/\nf\nl@\n"},
      {"OpaqueWithThingsPutInAgain", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().opaque("d").file("d/a", "a above").file("d/n/m", "m").finish();
       },
       "d/\nd/a\nd/n/\nd/n/m\nf\nl@\n"},
      {"OpaqueInTheMiddleOfThree", nothing,
       [](ChainBuilder& c) {
         c.layer().file("d/1", "1").finish();
         c.layer().opaque("d").file("d/2", "2").finish();
         c.layer().file("d/3", "3").finish();
       },
       "d/\nd/2\nd/3\n"},
      {"OpaqueOfASubdirectoryLeavesItsNeighbours", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().opaque("d/sub").file("d/sub/n", "n").finish();
       },
       "d/\nd/a\nd/b\nd/sub/\nd/sub/n\nf\nl@\n"},
      {"OpaqueWithNothingBelow", nothing,
       [](ChainBuilder& c) { c.layer().opaque("d").file("d/x", "x").finish(); }, "d/\nd/x\n"},
      {"OpaqueOnTheTopHidesTheChainBelow", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().file("second", "2").finish();
         c.layer().opaque("").file("only", "only").finish();
         c.layer().file("above", "above").finish();
       },
       "above\nonly\n"},
      {"OpaqueAndWhiteoutInOneDirectory", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().opaque("d").whiteout("d/a").file("d/x", "x").finish();
       },
       "d/\nd/x\nf\nl@\n"},
      {"AFileBecomesADirectory", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().file("f/in/it", "new").finish();
       },
       "d/\nd/a\nd/b\nd/sub/\nd/sub/c\nf/\nf/in/\nf/in/it\nl@\n"},
      {"ADirectoryBecomesAFile", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().file("d", "a file now").finish();
       },
       "d\nf\nl@\n"},
      {"ADirectoryBecomesAFileAndADirectoryAgain", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().file("d", "a file now").finish();
         c.layer().file("d/z", "z").finish();
       },
       "d/\nd/z\nf\nl@\n"},
      {"ASymlinkBecomesADirectory", nothing,
       [](ChainBuilder& c) {
         c.layer().file("real/x", "x").symlink("s", "real").finish();
         c.layer().file("s/y", "y").finish();
       },
       "real/\nreal/x\ns/\ns/y\n"},
      {"ADirectoryBecomesASymlink", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().symlink("d", "elsewhere").finish();
       },
       "d@\nf\nl@\n"},
      {"AFifoReplacesAFile", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().fifo("f").finish();
       },
       "d/\nd/a\nd/b\nd/sub/\nd/sub/c\nf|\nl@\n"},
      {"TheSameLayerTwice", nothing,
       [](ChainBuilder& c) {
         c.layer().file("x", "from the first").whiteout("gone").finish();
         c.layer().file("x", "from the second").file("gone", "back").finish();
         c.repeat(0);
       },
       "x\n"},
      {"TheSameEmptyLayerManyTimes", nothing,
       [=](ChainBuilder& c) {
         base(c);
         c.layer().finish();
         for (int i = 0; i < 5; ++i)
           c.repeat(1);
       },
       "d/\nd/a\nd/b\nd/sub/\nd/sub/c\nf\nl@\n"},
      {"TheTopmostDirectoryGivesTheMetadata", nothing,
       [](ChainBuilder& c) {
         c.layer().dir("d", {0700, 0, 0, {1, 2}, {{"user.from", "below"}}}).finish();
         c.layer().dir("d", {0751, 0, 0, {3, 4}, {{"user.other", "above"}}}).finish();
       },
       "d/\n"},
      {"TheTopOfTheTopmostLayerIsTheRoot", nothing,
       [](ChainBuilder& c) {
         c.layer().top({0700, 0, 0, {1, 2}, {}}).file("x", "x").finish();
         c.layer().top({0555, 0, 0, {-5, 7}, {{"user.top", "yes"}}}).finish();
       },
       "x\n"},
  };
}

} // namespace layerbox::test
