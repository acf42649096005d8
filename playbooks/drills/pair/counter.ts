/**
 * One process and no fork: what it costs, clients wait for. Before others in the queue, or it would be
 * late just when a node is busy with a move.
 */
export const counterScript = `exec perl -e '
setpriority(0, 0, -10); $| = 1;
for (;;) {
  my ($up) = split / /, slurp("/proc/uptime");
  my ($io) = slurp("/proc/net/rpc/nfsd") =~ /^io \\d+ (\\d+)/m;
  print "$up ", $io // 0, "\\n";
  select(undef, undef, undef, 0.25);
}
sub slurp { open(my $file, "<", $_[0]) or return ""; local $/; return scalar <$file> // "" }'`
