// check_store: the front door of fsck. Whether everything that the store says is there is there,
// and is what it was; and what can be done where it is not.
//
//     StoreCheck check = check_store(store, {VerifyDepth::whole, Repair::no}, progress);
//     for (const Damage& damage : check.damage) …
//
// Safe beside everything: a staging directory is held, so nothing that is looked at is removed
// meanwhile. Repair takes the gate exclusively, and does not begin while somebody imports.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "layers/verify/verify_layer.hpp"
#include "store/store.hpp"

namespace layerbox {

enum class DamageKind : std::uint8_t { database, names, layer, image, container, volume, network };
const char* damage_word(DamageKind kind); // "database", …

struct Damage {
  DamageKind kind = DamageKind::database;
  std::string object;                  // an id, a key, a name; a path where that is all there is
  std::vector<std::string> what;       // a line each
  std::vector<std::string> images;     // that have it: a name or id each
  std::vector<std::string> containers; // that have it: a name or id each
  bool only_rows = false;              // what lies there is whole, and its rows are not
  std::string mended;                  // what repair did about it
  bool is_whole = false;               // nothing is wrong any more
};

enum class Repair : std::uint8_t { no, yes };

struct CheckOptions {
  VerifyDepth depth = VerifyDepth::whole;
  Repair repair = Repair::no;
};

struct StoreCheck {
  std::size_t layers = 0; // that were looked at
  std::size_t images = 0;
  std::size_t containers = 0;
  std::vector<Damage> damage;
  std::vector<std::string> leftovers; // of commands that were killed; the next one removes them
  bool is_whole() const;              // nothing is damaged, or nothing is any more
};

// Requires the rights over all ids of the trees. Throws Error for what prevents the check, and
// Error(in_use) when there is something to repair while somebody imports.
StoreCheck check_store(Store& store, const CheckOptions& options, Progress& progress);

} // namespace layerbox
