// verbs: the table of all commands, in the order in which --help lists them.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/verb.hpp"

namespace layerbox {

struct VerbEntry {
  std::string_view name;    // one word, or two: "volume ls"
  std::string_view summary; // one line
  std::string_view group;   // the title in --help; "" is not listed there
  std::unique_ptr<Verb> (*make)();
};

std::span<const VerbEntry> verbs();
const VerbEntry* find_verb(std::string_view name); // nullptr when there is none
// The second words of the verbs whose first is `family`; none when there is no such family.
std::vector<std::string> verbs_of_family(std::string_view family);

// The options that every verb has.
void declare_common(CommandLine& line, CommonOptions& common);
// What the verb accepts: its own declaration, and the options that every verb has.
void declare_all(CommandLine& line, Verb& verb, CommonOptions& common);

std::unique_ptr<Verb> make_pull_tar_verb();
std::unique_ptr<Verb> make_images_verb();
std::unique_ptr<Verb> make_inspect_verb();
std::unique_ptr<Verb> make_history_verb();
std::unique_ptr<Verb> make_save_verb();
std::unique_ptr<Verb> make_squash_verb();
std::unique_ptr<Verb> make_tag_verb();
std::unique_ptr<Verb> make_rmi_verb();
std::unique_ptr<Verb> make_run_verb();
std::unique_ptr<Verb> make_create_verb();
std::unique_ptr<Verb> make_start_verb();
std::unique_ptr<Verb> make_stop_verb();
std::unique_ptr<Verb> make_restart_verb();
std::unique_ptr<Verb> make_kill_verb();
std::unique_ptr<Verb> make_wait_verb();
std::unique_ptr<Verb> make_attach_verb();
std::unique_ptr<Verb> make_logs_verb();
std::unique_ptr<Verb> make_rename_verb();
std::unique_ptr<Verb> make_exec_verb();
std::unique_ptr<Verb> make_events_verb();
std::unique_ptr<Verb> make_ps_verb();
std::unique_ptr<Verb> make_top_verb();
std::unique_ptr<Verb> make_stats_verb();
std::unique_ptr<Verb> make_pause_verb();
std::unique_ptr<Verb> make_unpause_verb();
std::unique_ptr<Verb> make_snapshot_verb();
std::unique_ptr<Verb> make_convert_verb();
std::unique_ptr<Verb> make_rollback_verb();
std::unique_ptr<Verb> make_fork_verb();
std::unique_ptr<Verb> make_rm_verb();
std::unique_ptr<Verb> make_diff_verb();
std::unique_ptr<Verb> make_commit_verb();
std::unique_ptr<Verb> make_export_verb();
std::unique_ptr<Verb> make_cp_verb();
std::unique_ptr<Verb> make_mount_verb();
std::unique_ptr<Verb> make_umount_verb();
std::unique_ptr<Verb> make_volume_create_verb();
std::unique_ptr<Verb> make_volume_ls_verb();
std::unique_ptr<Verb> make_volume_inspect_verb();
std::unique_ptr<Verb> make_volume_rm_verb();
std::unique_ptr<Verb> make_volume_prune_verb();
std::unique_ptr<Verb> make_network_create_verb();
std::unique_ptr<Verb> make_network_ls_verb();
std::unique_ptr<Verb> make_network_inspect_verb();
std::unique_ptr<Verb> make_network_rm_verb();
std::unique_ptr<Verb> make_network_prune_verb();
std::unique_ptr<Verb> make_layers_verb();
std::unique_ptr<Verb> make_du_verb();
std::unique_ptr<Verb> make_fsck_verb();
std::unique_ptr<Verb> make_prune_verb();
std::unique_ptr<Verb> make_tree_verb();
std::unique_ptr<Verb> make_bench_verb();
std::unique_ptr<Verb> make_info_verb();
std::unique_ptr<Verb> make_doctor_verb();
std::unique_ptr<Verb> make_completion_verb();
std::unique_ptr<Verb> make_complete_verb();
std::unique_ptr<Verb> make_man_verb();

} // namespace layerbox
