// subject: the image that is measured, and which of its files are written to. They are chosen from
// what its trees show; nothing of the image is executed.
#pragma once

#include <optional>
#include <vector>

#include "cli/bench/report.hpp"
#include "layers/stored_image.hpp"
#include "layers/view/account_trees.hpp"
#include "store/store.hpp"

namespace layerbox::bench {

struct Subject {
  StoredImage image;
  std::string name; // as the user wrote it, or the image's first name, or its id
  std::optional<ChosenFile> small, large;
};

// The image of `reference`, or, when that is empty, the one that was imported last. Requires that
// the caller holds a Staging. Throws Error; not_found, whose hint says how to get an image.
Subject choose_subject(Store& store, const std::string& reference);

// Of the files that can be seen: the one whose size is nearest to 4 KiB, of those below 64 KiB; and
// the largest one, when it has 64 KiB or more. Left out are `covered` places, which are other files
// in a container. Pure.
struct ChosenFiles {
  std::optional<ChosenFile> small, large;
};
ChosenFiles choose_files(const Account& account, const std::vector<std::string>& covered);

} // namespace layerbox::bench
