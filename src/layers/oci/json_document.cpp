#include "layers/oci/json_document.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& document, const std::string& why) {
  throw Error(ErrorKind::corrupt, document + ": " + why);
}

} // namespace

JsonField JsonField::operator[](std::string_view key) const {
  std::string path = path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  if (missing()) return {nullptr, document_, std::move(path)};
  if (!value_->is_object()) fail("is not an object");
  const auto found = value_->find(key);
  const bool absent = found == value_->end() || found->is_null();
  return {absent ? nullptr : &*found, document_, std::move(path)};
}

std::vector<JsonField> JsonField::items() const {
  std::vector<JsonField> fields;
  if (missing()) return fields;
  if (!value_->is_array()) fail("is not an array");
  fields.reserve(value_->size());
  for (const json& item : *value_)
    fields.emplace_back(item.is_null() ? nullptr : &item, document_,
                        path_ + "[" + std::to_string(fields.size()) + "]");
  return fields;
}

std::vector<std::pair<std::string, JsonField>> JsonField::members() const {
  std::vector<std::pair<std::string, JsonField>> fields;
  if (missing()) return fields;
  if (!value_->is_object()) fail("is not an object");
  for (auto it = value_->begin(); it != value_->end(); ++it)
    fields.emplace_back(it.key(), JsonField(it->is_null() ? nullptr : &*it, document_,
                                            path_ + "." + printable(it.key())));
  return fields;
}

std::string JsonField::text() const {
  if (missing()) fail("is missing");
  if (!value_->is_string()) fail("is not a text");
  std::string text = value_->get<std::string>();
  if (text.find('\0') != std::string::npos) fail("holds a NUL");
  return text;
}

std::uint64_t JsonField::number() const {
  if (missing()) fail("is missing");
  if (!value_->is_number_unsigned()) fail("is not a whole number from 0 on");
  return value_->get<std::uint64_t>();
}

Digest JsonField::digest() const {
  const std::string digest_text = text();
  if (digest_text.rfind("sha256:", 0) == 0) {
    if (const auto digest = Digest::from_hex(std::string_view(digest_text).substr(7)))
      return *digest;
    fail("is not a sha256 digest of 64 lower-case hex digits");
  }
  fail("has the digest '" + printable(digest_text.substr(0, 100)) +
       "', and only sha256 is supported");
}

std::string JsonField::text_or(std::string_view absent) const {
  return missing() ? std::string(absent) : text();
}

std::vector<std::string> JsonField::texts() const {
  std::vector<std::string> all;
  for (const JsonField& item : items())
    all.push_back(item.text());
  return all;
}

bool JsonField::flag_or(bool absent) const {
  if (missing()) return absent;
  if (!value_->is_boolean()) fail("is neither true nor false");
  return value_->get<bool>();
}

void JsonField::fail(std::string_view why) const {
  const std::string where = path_.empty() ? "the document" : "field '" + path_ + "'";
  refuse(*document_, where + " " + std::string(why));
}

JsonDocument::JsonDocument(std::string_view text, std::string name) : name_(std::move(name)) {
  const auto check_depth = [this](int depth, json::parse_event_t, json&) {
    if (depth > kMaxDepth)
      refuse(name_, "is nested deeper than " + std::to_string(kMaxDepth) + " levels");
    return true;
  };
  try {
    value_ = std::make_unique<json>(json::parse(text, check_depth));
  } catch (const json::parse_error& error) {
    refuse(name_, "is not JSON (byte " + std::to_string(error.byte) + ")");
  } catch (const json::exception&) { // a number out of any range
    refuse(name_, "is not JSON");
  }
  if (!value_->is_object() && !value_->is_array())
    refuse(name_, "is neither a JSON object nor an array");
}

JsonDocument::~JsonDocument() = default;

} // namespace layerbox
