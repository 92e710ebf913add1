// fault: named places at which tests make the program fail or die.
//
//     fault_point("store.commit_layer.before_rename");
//
// Built with LAYERBOX_FAULTS, the environment variable LAYERBOX_FAULT="NAME=error" makes the point
// throw, "NAME=kill" ends the process by SIGKILL, and "NAME=kill:3" does so at the third pass.
// In a release build a fault point is nothing.
#pragma once

namespace layerbox {

#ifdef LAYERBOX_FAULTS
void fault_point(const char* name); // Throws Error(system, "injected fault NAME")
#else
inline void fault_point(const char*) {}
#endif

} // namespace layerbox
