#include "store/resolve.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "store/candidates.hpp"
#include "store/container_table.hpp"
#include "store/image_table.hpp"
#include "store/name_table.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxReferenceShown = 300;
constexpr std::size_t kShortIdChars = 12;

std::string shown(std::string_view reference) {
  std::string text = printable(reference.substr(0, kMaxReferenceShown));
  return reference.size() > kMaxReferenceShown ? text + "…" : text;
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_id_prefix(std::string_view text) {
  return text.size() >= kMinPrefixChars && text.size() <= Digest::kHexChars && is_hex(text);
}

std::string_view without_algorithm(std::string_view reference) {
  constexpr std::string_view kAlgorithm = "sha256:";
  if (reference.starts_with(kAlgorithm)) reference.remove_prefix(kAlgorithm.size());
  return reference;
}

[[noreturn]] void throw_ambiguous(const char* what, std::string_view reference,
                                  std::vector<std::string> candidates) {
  const bool more = candidates.size() > kMaxCandidates;
  if (more) candidates.resize(kMaxCandidates);
  Error error(ErrorKind::invalid_argument, std::string(what) + " '" + shown(reference) +
                                               "' is ambiguous: more than one id begins with it");
  error.set_hint("it may be " + quoted_list(candidates) + (more ? " or others" : ""));
  throw error;
}

// Without candidates there is no hint: what else to do, the command knows that was given the name.
[[noreturn]] void throw_unknown(const char* what, std::string_view reference,
                                std::string_view wanted, const std::vector<std::string>& names) {
  Error error(ErrorKind::not_found,
              std::string(what) + " '" + shown(reference) + "' is not in the store");
  const std::vector<std::string> candidates = nearest(wanted, names, kMaxCandidates);
  if (!candidates.empty()) error.set_hint("did you mean " + quoted_list(candidates) + '?');
  throw error;
}

[[noreturn]] void throw_no_image(const Sqlite& db, std::string_view reference,
                                 std::string_view wanted) {
  throw_unknown("image", reference, wanted, name_table::all(db));
}

// A short id, and in brackets a name when there is one.
std::string label(const Sqlite& db, const Digest& id) {
  const auto row = image_table::find(db, id);
  std::string text = id.hex().substr(0, kShortIdChars);
  if (row && !row->names.empty()) text += " (" + row->names.front() + ')';
  return text;
}

std::optional<Digest> find_by_prefix(const Sqlite& db, std::string_view reference) {
  const std::string_view hex = without_algorithm(reference);
  if (!is_id_prefix(hex)) return std::nullopt;
  const std::vector<Digest> ids = image_table::with_prefix(db, hex, kMaxCandidates + 1);
  if (ids.empty()) return std::nullopt;
  if (ids.size() == 1) return ids.front();
  std::vector<std::string> labels;
  for (const Digest& id : ids)
    labels.push_back(label(db, id));
  throw_ambiguous("image", reference, std::move(labels));
}

std::optional<ImageRef> try_parse(std::string_view reference, std::optional<Error>& why_not) {
  try {
    return ImageRef::parse(reference);
  } catch (const Error& error) {
    why_not = error;
    return std::nullopt;
  }
}

std::vector<std::string> container_names(const std::vector<ContainerRow>& rows) {
  std::vector<std::string> names;
  for (const ContainerRow& row : rows) {
    if (!row.name.empty()) names.push_back(row.name);
    names.push_back(row.id.substr(0, kShortIdChars));
  }
  return names;
}

} // namespace

std::optional<Digest> find_image_named(const Sqlite& db, const ImageRef& ref) {
  if (!ref.tag.empty()) {
    const auto id = name_table::find(db, ref.str());
    return ref.digest && id != ref.digest ? std::nullopt : id;
  }
  const auto row = image_table::find(db, *ref.digest);
  const std::string prefix = ref.name + ':';
  const bool named = row && std::any_of(row->names.begin(), row->names.end(),
                                        [&](const auto& n) { return n.starts_with(prefix); });
  return named ? ref.digest : std::nullopt;
}

void throw_no_image_named(const Sqlite& db, const ImageRef& ref) {
  throw_no_image(db, ref.str(), ref.tag.empty() ? ref.name : ref.name + ':' + ref.tag);
}

Digest resolve_image(const Sqlite& db, std::string_view reference) {
  if (const auto id = Digest::from_hex(without_algorithm(reference))) {
    if (image_table::has(db, *id)) return *id;
    throw_no_image(db, reference, reference);
  }
  std::optional<Error> why_not;
  const std::optional<ImageRef> ref = try_parse(reference, why_not);
  if (ref)
    if (const auto id = find_image_named(db, *ref)) return *id;
  if (const auto id = find_by_prefix(db, reference)) return *id;
  if (!ref) throw *why_not;
  throw_no_image(db, reference, ref->tag.empty() ? ref->name : ref->name + ':' + ref->tag);
}

ContainerRow resolve_container(const Sqlite& db, std::string_view reference) {
  if (auto row = container_table::find(db, reference)) return *row;
  if (auto row = container_table::named(db, reference)) return *row;
  if (is_id_prefix(reference)) {
    const auto rows = container_table::with_prefix(db, reference, kMaxCandidates + 1);
    if (rows.size() == 1) return rows.front();
    std::vector<std::string> labels;
    for (const ContainerRow& row : rows)
      labels.push_back(row.id.substr(0, kShortIdChars) +
                       (row.name.empty() ? "" : " (" + row.name + ')'));
    if (rows.size() > 1) throw_ambiguous("container", reference, std::move(labels));
  }
  throw_unknown("container", reference, reference, container_names(container_table::all(db)));
}

} // namespace layerbox
