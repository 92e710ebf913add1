// landlock_spec: what the command and all that comes of it may still do, held by the kernel's
// Landlock beside all other walls (landlock(7)); as plain data.
//
// Three kinds of rules, each shut as soon as there is one of it: files (all that no rule names),
// TCP ports to connect to and to bind to (all others), and what lies outside of the container's
// command and its children (signals, abstract sockets). Rules of a kind add up. What there is no
// rule of stays open.
//
// What Landlock does not look at stays open in any case: names, owners, modes and attributes of
// files, Unix sockets that have a name, all protocols but TCP.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace layerbox {

// What a file rule allows. Bits.
inline constexpr std::uint8_t kLandlockRead = 1;    // read files, list directories
inline constexpr std::uint8_t kLandlockWrite = 2;   // write, make, rename, remove, ioctl of devices
inline constexpr std::uint8_t kLandlockExecute = 4; // execute programs

struct LandlockPath {
  std::uint8_t access = 0;
  std::string path; // absolute, inside, and there: it, and all below it
  friend bool operator==(const LandlockPath&, const LandlockPath&) = default;
};

struct LandlockSpec {
  std::vector<LandlockPath> paths;
  std::vector<std::uint16_t> connect_ports;
  std::vector<std::uint16_t> bind_ports; // 0: one that the kernel picks
  bool scoped = false;                   // no signals and no abstract sockets to the outside

  bool holds_tcp() const { return !connect_ports.empty() || !bind_ports.empty(); }
  bool any() const { return !paths.empty() || holds_tcp() || scoped; }
  friend bool operator==(const LandlockSpec&, const LandlockSpec&) = default;
};

// "r", "w", "x", "wx", and for read and execute, with and without write, what a volume has: "ro",
// "rw".
inline std::string landlock_access_text(std::uint8_t access) {
  constexpr std::uint8_t kReadExecute = kLandlockRead | kLandlockExecute;
  if (access == kReadExecute) return "ro";
  if (access == (kReadExecute | kLandlockWrite)) return "rw";
  std::string text;
  if ((access & kLandlockRead) != 0) text += 'r';
  if ((access & kLandlockWrite) != 0) text += 'w';
  if ((access & kLandlockExecute) != 0) text += 'x';
  return text;
}

} // namespace layerbox
