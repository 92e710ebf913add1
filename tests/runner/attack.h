/* What the files of `attack` share; see attack.c. */
#pragma once

/* Prints "done" or the name of errno. */
int say(long result);

int attack_reach(const char* name, const char* a, const char* b);
