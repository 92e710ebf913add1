// landlock_abi: the kernel's Landlock in numbers, for the plan and for the child. They are written
// out because headers are older than kernels: those of Linux 6.1 end with version 2.
// Source: linux/landlock.h of Linux 6.18, landlock(7) for the versions.
#pragma once

#include <cstdint>

namespace layerbox {

// Rights over files and directories, by the version that brought them.
inline constexpr std::uint64_t kLandlockFsExecute = 1U << 0; // version 1, Linux 5.13
inline constexpr std::uint64_t kLandlockFsWriteFile = 1U << 1;
inline constexpr std::uint64_t kLandlockFsReadFile = 1U << 2;
inline constexpr std::uint64_t kLandlockFsReadDir = 1U << 3;
inline constexpr std::uint64_t kLandlockFsRemoveDir = 1U << 4;
inline constexpr std::uint64_t kLandlockFsRemoveFile = 1U << 5;
inline constexpr std::uint64_t kLandlockFsMakeChar = 1U << 6;
inline constexpr std::uint64_t kLandlockFsMakeDir = 1U << 7;
inline constexpr std::uint64_t kLandlockFsMakeReg = 1U << 8;
inline constexpr std::uint64_t kLandlockFsMakeSock = 1U << 9;
inline constexpr std::uint64_t kLandlockFsMakeFifo = 1U << 10;
inline constexpr std::uint64_t kLandlockFsMakeBlock = 1U << 11;
inline constexpr std::uint64_t kLandlockFsMakeSym = 1U << 12;
inline constexpr std::uint64_t kLandlockFsRefer = 1U << 13;    // version 2, Linux 5.19
inline constexpr std::uint64_t kLandlockFsTruncate = 1U << 14; // version 3, Linux 6.2
inline constexpr std::uint64_t kLandlockFsIoctlDev = 1U << 15; // version 5, Linux 6.10
// Those that a rule for a file may have; the others are a directory's.
inline constexpr std::uint64_t kLandlockFsOfFiles = kLandlockFsExecute | kLandlockFsWriteFile |
                                                    kLandlockFsReadFile | kLandlockFsTruncate |
                                                    kLandlockFsIoctlDev;
// TCP: version 4, Linux 6.7.
inline constexpr std::uint64_t kLandlockBindTcp = 1U << 0;
inline constexpr std::uint64_t kLandlockConnectTcp = 1U << 1;
// Scopes: version 6, Linux 6.12.
inline constexpr std::uint64_t kLandlockScopeAbstractSocket = 1U << 0;
inline constexpr std::uint64_t kLandlockScopeSignal = 1U << 1;

inline constexpr int kLandlockFileVersion = 3;   // without truncate(2) no file is held
inline constexpr int kLandlockTcpVersion = 4;    //
inline constexpr int kLandlockDeviceVersion = 5; // ioctl(2) of devices
inline constexpr int kLandlockScopeVersion = 6;

// What is held: struct landlock_ruleset_attr. An older kernel takes it when what it does not know
// is zero.
struct LandlockRuleset {
  std::uint64_t files = 0;
  std::uint64_t tcp = 0;
  std::uint64_t scopes = 0;
};

// What is allowed: struct landlock_net_port_attr.
struct LandlockPort {
  std::uint64_t access = 0;
  std::uint64_t port = 0;
};

// The version that this kernel has, or -errno. In debug builds LAYERBOX_FAULT_LANDLOCK=N makes it
// another one: 0 is off, a negative number is none.
int landlock_version();

} // namespace layerbox
