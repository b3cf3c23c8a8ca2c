-- Written anew now and then where nothing else is, to find out that nothing can be stored before a command does.
create table storage_probe (filler text not null);
