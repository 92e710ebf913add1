// record_format: the constants of layer_record.hpp's format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace layerbox::record_format {

inline constexpr std::string_view kMagic{"LBXREC\x00\x01", 8};
inline constexpr char kRaw = 'R';
inline constexpr char kContent = 'C';
inline constexpr char kEnd = 'E';
inline constexpr std::size_t kMaxRawBytes = std::size_t{1} << 20;
inline constexpr std::uint64_t kMaxRegions = std::uint64_t{1} << 20;
// Low levels are fast enough to disappear beside writing the files; the window bounds what a reader
// needs. Headers of a tar repeat themselves within a few kilobytes.
inline constexpr int kZstdLevel = 1;
inline constexpr int kZstdWindowLog = 20;

} // namespace layerbox::record_format
