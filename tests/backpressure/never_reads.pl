# never_reads.pl DIRECTORY: never reads its input. Prints the size of its terminal at the start and
# whenever that changes, and records the number of SIGINT in DIRECTORY/interrupts.
use strict;
use warnings;

my ($directory) = @ARGV;
my ($interrupts, $changed) = (0, 1);
$| = 1;
$SIG{WINCH} = sub { $changed = 1 };
$SIG{INT} = sub {
    open(my $file, '>', "$directory/interrupts") or die $!;
    print $file ++$interrupts, "\n";
    close($file);
};
while (1) {
    if ($changed) {
        $changed = 0;
        my $size = `stty size`;
        chomp($size);
        print "size $size;\n";
    }
    # Bounds the delay of a signal between the check and the sleep.
    select(undef, undef, undef, 0.2);
}
