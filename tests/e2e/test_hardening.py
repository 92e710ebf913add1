"""What makes a bug in memory harder to use is in the release program: read in the program's own headers and instructions."""
import re
import struct

import harness
from harness import E2E, main

ET_DYN, EM_X86_64 = 3, 62
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_GNU_STACK, PT_GNU_RELRO = 1, 2, 3, 0x6474E551, 0x6474E552
PF_X, PF_W = 1, 2
SHT_SYMTAB, STT_FUNC = 2, 2
DT_PLTGOT, DT_INIT_ARRAY, DT_FLAGS, DT_FLAGS_1 = 3, 25, 30, 0x6FFFFFFB
DF_BIND_NOW, DF_1_PIE = 8, 0x08000000


class Program:
    """An ELF file of 64 bits, little-endian. Source: elf(5)."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.type, self.machine = self.fields("HH", 16)
        (headers, sections) = self.fields("QQ", 32)
        size, count, section_size, section_count = self.fields("HHHH", 54)
        self.segments = [self.fields("IIQQQQQQ", headers + i * size) for i in range(count)]
        self.sections = [self.fields("IIQQQQIIQQ", sections + i * section_size) for i in range(section_count)]

    def fields(self, form, offset):
        return struct.unpack_from("<" + form, self.data, offset)

    def at(self, address, size):
        """The bytes that lie at an address of the running program."""
        for kind, _, offset, start, _, in_file, _, _ in self.segments:
            if kind == PT_LOAD and start <= address < start + in_file:
                return self.data[offset + address - start:offset + address - start + size]
        return b""

    def of_kind(self, wanted):
        return [segment for segment in self.segments if segment[0] == wanted]

    def dynamic(self):
        _, _, offset, _, _, size, _, _ = self.of_kind(PT_DYNAMIC)[0]
        return dict(struct.iter_unpack("<qQ", self.data[offset:offset + size]))

    def functions(self):
        """(name, address, instructions)"""
        for _, kind, _, _, offset, size, names, _, _, _ in self.sections:
            if kind != SHT_SYMTAB:
                continue
            text = self.sections[names][4]
            for name, info, _, _, address, length in struct.iter_unpack("<IBBHQQ", self.data[offset:offset + size]):
                if info & 15 == STT_FUNC and address:
                    end = self.data.index(b"\0", text + name)
                    yield self.data[text + name:end].decode(), address, self.at(address, length)


class Headers(E2E):
    def setUp(self):
        self.program = Program(harness.place.program)

    def test_digests_are_made_by_the_processor(self):
        if self.program.machine != EM_X86_64 or self.program.of_kind(PT_INTERP):
            self.skipTest("libcrypto asks the processor by itself here")
        # Left out by the linker, SHA-256 takes three times as long, and nothing else shows it.
        self.assertIn("OPENSSL_cpuid_setup", {name for name, _, _ in self.program.functions()})

    def test_it_is_one_program_that_runs_at_any_address(self):
        self.assertEqual(self.program.type, ET_DYN)
        self.assertEqual(self.program.of_kind(PT_INTERP), [])
        self.assertTrue(self.program.dynamic()[DT_FLAGS_1] & DF_1_PIE)

    def test_no_memory_can_be_written_and_executed(self):
        [stack] = self.program.of_kind(PT_GNU_STACK)
        self.assertFalse(stack[1] & PF_X)
        for segment in self.program.of_kind(PT_LOAD):
            self.assertNotEqual(segment[1] & (PF_W | PF_X), PF_W | PF_X, segment)

    def test_addresses_that_a_start_corrects_are_read_only_afterwards(self):
        [relro] = self.program.of_kind(PT_GNU_RELRO)
        dynamic = self.program.dynamic()
        self.assertTrue(dynamic[DT_FLAGS] & DF_BIND_NOW)
        for tag in (DT_PLTGOT, DT_INIT_ARRAY):
            self.assertTrue(relro[3] <= dynamic[tag] < relro[3] + relro[6], tag)


class Instructions(E2E):
    def setUp(self):
        self.program = Program(harness.place.program)
        if self.program.machine != EM_X86_64:
            self.skipTest("the instructions that are looked for are those of x86-64")
        functions = list(self.program.functions())
        self.ours = [function for function in functions if "8layerbox" in function[0]]
        self.child = [function for function in self.ours if function[0].startswith("_ZN8layerbox5child")]
        self.checked = {address for name, address, _ in functions if name.endswith("_chk")}
        self.assertGreater(len(self.ours), 1000)
        self.assertGreater(len(self.child), 20)

    def having(self, functions, instruction):
        return sum(instruction in code for _, _, code in functions)

    def checked_calls(self, functions):
        """Calls of the C library's functions that know how large what they write to is."""
        return [name for name, address, code in functions for found in re.finditer(rb"\xe8(.{4})", code, re.DOTALL)
                if address + found.end() + int.from_bytes(found[1], "little", signed=True) in self.checked]

    def test_functions_look_whether_their_stack_was_overwritten(self):
        of_the_thread = b"\x25\x28\x00\x00\x00"  # %fs:0x28
        self.assertGreater(self.having(self.ours, of_the_thread), len(self.ours) / 10)
        self.assertGreater(self.having(self.child, of_the_thread), 5)

    def test_large_frames_touch_each_page_of_the_stack(self):
        touch = b"\x48\x83\x0c\x24\x00"  # orq $0, (%rsp)
        self.assertGreater(self.having(self.ours, touch), 10)

    def test_copies_are_checked_but_in_the_child(self):
        self.assertNotEqual(self.checked_calls(self.ours), [])
        self.assertEqual(self.checked_calls(self.child), [])


if __name__ == "__main__":
    main()
