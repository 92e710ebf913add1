// fsck: whether everything in the store is what it was, and what can be done where it is not.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/rel_path.hpp"
#include "cli/enter_user_namespace.hpp"
#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "layers/check_store.hpp"

namespace layerbox {
namespace {

std::string listed(const char* title, const std::vector<std::string>& names) {
  return names.empty() ? ""
                       : fmt::format("    {}: {}\n", title,
                                     printable(fmt::format("{}", fmt::join(names, ", "))));
}

std::string damage_text(const Damage& damage) {
  std::string text = fmt::format("{} {}\n", damage_word(damage.kind), damage.object);
  for (const std::string& line : damage.what)
    text += fmt::format("    {}\n", line);
  text += listed("images", damage.images);
  text += listed("containers", damage.containers);
  if (!damage.mended.empty()) text += fmt::format("    repaired: {}\n", damage.mended);
  return text;
}

std::string counted(std::size_t count, const char* one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

std::string check_text(const StoreCheck& check) {
  std::string text;
  for (const Damage& damage : check.damage)
    text += damage_text(damage);
  for (const std::string& path : check.leftovers)
    text += fmt::format("left over {}\n", path);
  text += fmt::format("checked {}, {}, {}: ", counted(check.layers, "layer"),
                      counted(check.images, "image"), counted(check.containers, "container"));
  return text + (check.damage.empty() ? "nothing is damaged\n"
                                      : counted(check.damage.size(), "thing") + " damaged\n");
}

nlohmann::ordered_json check_json(const StoreCheck& check) {
  auto damage = nlohmann::ordered_json::array();
  for (const Damage& one : check.damage)
    damage.push_back({{"kind", damage_word(one.kind)},
                      {"object", one.object},
                      {"what", one.what},
                      {"images", one.images},
                      {"containers", one.containers},
                      {"repaired", one.mended},
                      {"whole", one.is_whole}});
  return {{"layers", check.layers},         {"images", check.images},
          {"containers", check.containers}, {"damage", std::move(damage)},
          {"leftovers", check.leftovers},   {"whole", check.is_whole()}};
}

class FsckVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "Every layer is held against the archive it came from: its files' content, and their "
        "names, types, owners, modes, times, attributes, links and whiteouts; the archive that its "
        "record and its files make must have the layer's DiffID. Image configs are held against "
        "their digests, the database against itself and against the directories, and the states of "
        "containers, volumes and networks are read. It is safe beside everything else. For the "
        "comparison, the names of one layer after the other are made once more in the store, which "
        "needs as many inodes.\n\n"
        "What commands that were killed have left is no damage, nor is what waited for an import "
        "to end: it is listed, and the next command removes it.\n\n"
        "With --repair, damaged layers and configs are set apart, in the directory 'damaged' of "
        "the store, and nothing is deleted; pull-tar of their image then puts whole ones in their "
        "place, and names, other layers and containers stay. A damaged database is made anew from "
        "the directories. Containers that run go on. It does not begin while somebody imports. The "
        "states of containers, volumes and networks are not repaired.\n\n"
        "It returns 0 when nothing is damaged, or, with --repair, nothing is any more, else 1.\n\n"
        "The JSON document is an object: layers, images, containers (how many were checked), "
        "damage (kind: database, names, layer, image, container, volume or network; object; what, "
        "a list; images and containers, names or ids of who has it; repaired, what was done; "
        "whole, whether nothing is wrong with it any more), leftovers, whole.");
    line.flag("--repair", repair_,
              "set apart what is damaged, and make the database anew if it is");
    line.flag("--quick", quick_, "do not read the content of files");
    format_.declare(line);
    line.example("layerbox fsck", "is everything what it was?");
    line.example("layerbox fsck --repair && layerbox pull-tar debian.tar.gz",
                 "put a damaged image in order");
  }

  int run(Invocation& invocation) override {
    Store* store = invocation.existing_store();
    if (store == nullptr) return show({});
    Progress& progress = invocation.progress();
    return in_trees_namespace(invocation.identity(), [&] {
      const CheckOptions options{quick_ ? VerifyDepth::without_content : VerifyDepth::whole,
                                 repair_ ? Repair::yes : Repair::no};
      return show(check_store(*store, options, progress));
    });
  }

 private:
  int show(const StoreCheck& check) const {
    if (format_.json())
      print_json(check_json(check));
    else
      print(check_text(check));
    return check.is_whole() ? exit_code::kDone : exit_code::kFailed;
  }

  bool repair_ = false;
  bool quick_ = false;
  FormatOption format_;
};

} // namespace

std::unique_ptr<Verb> make_fsck_verb() {
  return std::make_unique<FsckVerb>();
}

} // namespace layerbox
