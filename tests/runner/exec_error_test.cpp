// Why a command could not be executed: told from files made for it.
#include "runner/exec_error.hpp"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "base/temp.hpp"

namespace layerbox::child {
namespace {

class ExecError : public ::testing::Test {
 protected:
  std::string make(const std::string& name, const std::string& content) {
    const std::string path = temp_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    ::chmod(path.c_str(), 0755);
    return path;
  }
  // What the report says of the refusal.
  ChildDetail detail(const std::string& path, int error) {
    context_ = ChildContext();
    EXPECT_EQ(explain_exec(context_, path.c_str(), -error), -error);
    return context_.report.detail;
  }
  std::string text() const { return context_.report.text; }

  // A program for `machine` whose loader is `interpreter`.
  static std::string elf(std::uint16_t machine, const std::string& interpreter) {
    Elf64_Ehdr header = {};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = machine;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;
    Elf64_Phdr segment = {};
    segment.p_type = PT_INTERP;
    segment.p_offset = sizeof header + sizeof segment;
    segment.p_filesz = interpreter.size() + 1;
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    bytes.append(reinterpret_cast<const char*>(&segment), sizeof segment);
    return bytes + interpreter + '\0';
  }

  TempDir temp_;
  ChildContext context_;
};

TEST_F(ExecError, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(detail(temp_.path() + "/none", ENOENT), ChildDetail::command_not_found);
}

TEST_F(ExecError, AScriptsMissingInterpreterIsNamed) {
  EXPECT_EQ(detail(make("s", "#! /no/such/perl -w\nprint\n"), ENOENT),
            ChildDetail::interpreter_missing);
  EXPECT_EQ(text(), "/no/such/perl");
}

TEST_F(ExecError, ACarriageReturnShowsInTheInterpretersName) {
  EXPECT_EQ(detail(make("s", "#!/bin/sh\r\necho\n"), ENOENT), ChildDetail::interpreter_missing);
  EXPECT_EQ(text(), "/bin/sh\r");
}

TEST_F(ExecError, AProgramsMissingLoaderIsNamed) {
  EXPECT_EQ(detail(make("p", elf(EM_X86_64, "/lib/ld-musl-none.so.1")), ENOENT),
            ChildDetail::interpreter_missing);
  EXPECT_EQ(text(), "/lib/ld-musl-none.so.1");
}

TEST_F(ExecError, AScriptOfAProgramWithoutLoaderNamesTheLoader) {
  const std::string program = make("p", elf(EM_X86_64, "/lib/none.so"));
  EXPECT_EQ(detail(make("s", "#!" + program + "\n"), ENOENT), ChildDetail::interpreter_missing);
  EXPECT_EQ(text(), "/lib/none.so");
}

TEST_F(ExecError, AProgramOfAnotherMachineIsNamed) {
  const std::uint16_t other = EM_S390;
  EXPECT_EQ(detail(make("p", elf(other, "/lib/x")), ENOEXEC), ChildDetail::wrong_architecture);
  EXPECT_EQ(text(), "s390x");
}

TEST_F(ExecError, ADirectoryIsCalledOne) {
  EXPECT_EQ(detail(temp_.path(), EACCES), ChildDetail::command_is_directory);
}

TEST_F(ExecError, AFileWithoutPermissionIsNotExecutable) {
  EXPECT_EQ(detail(make("f", "x"), EACCES), ChildDetail::command_not_executable);
}

TEST_F(ExecError, AFileThatIsNoProgramSaysSo) {
  EXPECT_EQ(detail(make("f", ""), ENOEXEC), ChildDetail::not_a_program);
  EXPECT_EQ(detail(make("g", "just text\n"), ENOEXEC), ChildDetail::not_a_program);
}

TEST_F(ExecError, HeadersThatLieAreReadWithinTheFile) {
  std::string bytes = elf(EM_X86_64, "/lib/x");
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.e_phoff = ~Elf64_Off{0} - 8;
  header.e_phnum = 0xffff;
  std::memcpy(bytes.data(), &header, sizeof header);
  EXPECT_EQ(detail(make("p", bytes), ENOENT), ChildDetail::command_refused);
  Elf64_Phdr segment = {};
  bytes = elf(EM_X86_64, "/lib/x");
  segment.p_type = PT_INTERP;
  segment.p_offset = ~Elf64_Off{0};
  segment.p_filesz = ~Elf64_Xword{0};
  std::memcpy(bytes.data() + sizeof header, &segment, sizeof segment);
  EXPECT_EQ(detail(make("q", bytes), ENOENT), ChildDetail::command_refused);
  EXPECT_EQ(detail(make("r", bytes.substr(0, 20)), ENOENT), ChildDetail::command_refused);
}

TEST_F(ExecError, AnEndlessChainOfInterpretersEnds) {
  const std::string path = temp_.path() + "/loop";
  make("loop", "#!" + path + "\n");
  EXPECT_EQ(detail(path, ELOOP), ChildDetail::command_refused);
  EXPECT_EQ(detail(path, ENOENT), ChildDetail::command_refused);
}

TEST_F(ExecError, ALongInterpreterNameIsCut) {
  EXPECT_EQ(detail(make("s", "#!/" + std::string(3000, 'i') + "\n"), ENOENT),
            ChildDetail::interpreter_missing);
  EXPECT_EQ(text().size(), ChildReport::kTextBytes - 1);
}

} // namespace
} // namespace layerbox::child
