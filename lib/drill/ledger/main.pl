# Called as: perl - MODE NAME=VALUE ..., with all these files as the program and, behind __END__,
# what the mode reads.
my ($mode, @words) = @ARGV;
my %modes = (start => \&start, stop => \&stop, held => \&held, check => \&check);
my $chosen = $modes{ $mode // '' }
    or die 'expected one of ', join(', ', sort keys %modes), ', got ', $mode // 'nothing', "\n";
$chosen->(@words);
