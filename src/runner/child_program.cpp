#include "runner/child_program.hpp"

namespace layerbox {
namespace {

// execve(2) takes char* for historical reasons and writes nothing.
char* mutable_text(const std::string& text) {
  return const_cast<char*>(text.c_str());
}

std::vector<ChildIdRange> ranges(const std::vector<IdRange>& map) {
  std::vector<ChildIdRange> list;
  for (const IdRange& range : map)
    list.push_back({range.inside, range.count});
  return list;
}

} // namespace

ChildProgram::ChildProgram(const Plan& plan, const std::vector<UniqueFd>& clones,
                           const std::vector<UniqueFd>& entrances)
    : uids_(ranges(plan.id_map.uids)), gids_(ranges(plan.id_map.gids)) {
  ops_.reserve(plan.steps.size());
  lists_.reserve(plan.steps.size()); // pointers to its elements' data stay
  for (const Step& step : plan.steps)
    add_op(step, clones, entrances);
  for (const std::string& word : plan.args)
    args_.push_back(mutable_text(word));
  args_.push_back(nullptr);
  for (const std::string& word : plan.env)
    env_.push_back(mutable_text(word));
  env_.insert(env_.end(), 3, nullptr);

  context_.ops = ops_.data();
  context_.op_count = ops_.size();
  context_.terminal = plan.terminal;
  context_.interactive = plan.interactive;
  context_.may_setgroups = plan.may_setgroups;
  if (!plan.id_map.maps_uid(0) && !uids_.empty()) context_.setup_uid = uids_.front().inside;
  if (!plan.id_map.maps_gid(0) && !gids_.empty()) context_.setup_gid = gids_.front().inside;
  context_.args = args_.data();
  context_.env = env_.data();
  context_.env_count = plan.env.size();
  context_.path = plan.path.c_str();
  context_.user = plan.user.c_str();
  context_.needs_home = plan.needs_home;
  context_.uids = uids_.data();
  context_.uid_count = uids_.size();
  context_.gids = gids_.data();
  context_.gid_count = gids_.size();
  context_.capabilities = plan.capabilities;
}

void ChildProgram::add_op(const Step& step, const std::vector<UniqueFd>& clones,
                          const std::vector<UniqueFd>& entrances) {
  ChildOp op;
  op.act = step.act;
  op.flags = step.flags;
  op.fd = step.fd;
  if (step.clone != kNoClone) op.fd = clones[static_cast<std::size_t>(step.clone)].get();
  if (step.other_clone != kNoClone)
    op.other_fd = clones[static_cast<std::size_t>(step.other_clone)].get();
  if (step.cgroup != kNoCgroup) op.fd = entrances[static_cast<std::size_t>(step.cgroup)].get();
  op.mount_flags = step.mount_flags;
  op.target = step.target.c_str();
  op.source = step.source.c_str();
  op.data = step.data.c_str();
  op.data_bytes = step.data.size();
  op.list = keep_list(step.list);
  op.count = step.count;
  ops_.push_back(op);
}

const char* const* ChildProgram::keep_list(const std::vector<std::string>& words) {
  if (words.empty()) return nullptr;
  std::vector<const char*>& list = lists_.emplace_back();
  list.reserve(words.size() + 1);
  for (const std::string& word : words)
    list.push_back(word.c_str());
  list.push_back(nullptr);
  return list.data();
}

} // namespace layerbox
