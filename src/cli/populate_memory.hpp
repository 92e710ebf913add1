// populate_memory: what a start is going to write to.
#pragma once

namespace layerbox {

// The kernel gives the pages of the heap's first piece and of the stack at once, rather than one at
// each first touch, which where it is virtualized itself takes twenty times as long. Kernels before
// 5.14 do it as before.
void populate_memory();

} // namespace layerbox
