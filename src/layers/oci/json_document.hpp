// json_document: JSON from strangers, read field by field. Whatever is wrong with a document, the
// error says which document, which field and what was expected there:
//
//     JsonDocument document(bytes, "manifest sha256:ab…");
//     document.root()["layers"].items()[2]["size"].number();
//     // Error(corrupt): manifest sha256:ab…: field 'layers[2].size' is not a number
//
// Fields that are not asked for are not looked at; of a key that comes twice the last one counts
// (as in Go's decoder, which wrote most of these documents). null is the same as absent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/digest.hpp"

namespace layerbox {

// One value of a document, or the place where it is missing. Valid while its document lives.
class JsonField {
 public:
  JsonField(const nlohmann::json* value, const std::string* document, std::string path)
      : value_(value), document_(document), path_(std::move(path)) {}

  bool missing() const { return value_ == nullptr; }
  // The member `key` of an object; of a missing object, a missing member.
  JsonField operator[](std::string_view key) const;
  // The elements of an array, the members of an object; none when missing.
  std::vector<JsonField> items() const;
  std::vector<std::pair<std::string, JsonField>> members() const;

  // These need the field to be there, and of that type. Texts hold no NUL.
  std::string text() const;
  std::uint64_t number() const;
  Digest digest() const; // "sha256:…"
  // These take the given value for a missing field; another type is still an error.
  std::string text_or(std::string_view absent) const;
  std::vector<std::string> texts() const; // an array of texts; empty when missing
  bool flag_or(bool absent) const;

  // Throws Error(corrupt): "DOCUMENT: field 'PATH' WHY".
  [[noreturn]] void fail(std::string_view why) const;

 private:
  const nlohmann::json* value_;
  const std::string* document_;
  std::string path_;
};

class JsonDocument {
 public:
  // Arrays and objects inside each other: no document that is read here has more than eight.
  static constexpr int kMaxDepth = 64;

  // `name` is for messages. Throws Error(corrupt) when `text` is not one JSON object or array.
  JsonDocument(std::string_view text, std::string name);
  ~JsonDocument();
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  JsonField root() const { return {value_.get(), &name_, ""}; }

 private:
  std::string name_;
  std::unique_ptr<nlohmann::json> value_;
};

} // namespace layerbox
